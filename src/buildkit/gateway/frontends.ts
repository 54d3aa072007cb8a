import type { BuildContext, Builder, Edge, FrontendOptions } from '#builder';
import { verticesOf } from '#builder';
import { requireBuiltInSyntax } from '#dockerfile';
import { fail } from '#std/errors';
import { type GatewayResult, gatewayResultOf } from './result.ts';

export interface FrontendCall {
  /** `dockerfile.v0`, or `gateway.v0` with an image that is built in here. */
  readonly frontend: string;
  readonly options: FrontendOptions;
  readonly inputs: ReadonlyMap<string, Edge>;
}

/** Has a frontend make a graph. Throws for one that is not built in. */
export async function runFrontend(
  builder: Builder,
  { frontend, options, inputs }: FrontendCall,
  context: BuildContext,
): Promise<GatewayResult> {
  if (frontend === 'gateway.v0') {
    if (!options.source) throw fail('invalid-argument', 'no source specified for gateway');
    requireBuiltInSyntax(options.source);
  } else if (frontend !== 'dockerfile.v0') {
    throw fail('not-found', `invalid frontend: ${frontend}`);
  }
  return gatewayResultOf(await builder.dockerfile({ options, inputs }, context));
}

/** The edges of a result, without those of empty file systems. */
export function edgesOf({ ref, refs }: GatewayResult): Edge[] {
  return [ref, ...(refs?.values() ?? [])].filter((edge) => edge !== undefined);
}

/** Works out what nobody looks into yet, so that it fails where it would. */
export async function evaluate(builder: Builder, edges: readonly Edge[], context: BuildContext): Promise<void> {
  await Promise.all(edges.map(async (edge) => (await builder.solve(edge, context)).release()));
}

/** Throws `forbidden` for a step that wants more than its client has been granted. */
export function checkEntitlements(edges: readonly Edge[], granted: ReadonlySet<string>): void {
  for (const { operation } of verticesOf(edges)) {
    if (operation.type !== 'exec') continue;
    const wanted = [
      ...(operation.network === 'host' ? ['network.host'] : []),
      ...(operation.security === 'insecure' ? ['security.insecure'] : []),
    ].find((name) => !granted.has(name));
    if (wanted !== undefined) throw fail('forbidden', `failed to load LLB: ${wanted} is not allowed`);
  }
}
