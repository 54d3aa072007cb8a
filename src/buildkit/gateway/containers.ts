import type { gateway } from '#build-api';
import type {
  BuildContext,
  Builder,
  ContainerProcess,
  ExecMount,
  ProcessRequest,
  Result,
  StepContainer,
} from '#builder';
import type { Written } from '#grpc';
import { fail } from '#std/errors';
import { mountOf, networkOf, securityOf } from '../llb/exec.ts';
import { missing } from '../llb/fields.ts';

export interface ContainersParts {
  readonly builder: Builder;
  readonly entitlements: ReadonlySet<string>;
}

/** The containers of one build, by the names that its client gives them. */
export class Containers {
  private readonly opened = new Map<string, Promise<StepContainer>>();

  constructor(private readonly parts: ContainersParts) {}

  /** Opens one; `results` are those of the mounts, in their order. */
  async open(
    request: gateway.NewContainerRequest,
    results: readonly (Result | undefined)[],
    context: BuildContext,
  ): Promise<Written<typeof gateway.newContainerResponse>> {
    const { containerId, extraHosts, hostname } = request;
    if (this.opened.has(containerId)) throw fail('conflict', `Container ${containerId} already exists`);
    const inputs = results.filter((result) => result !== undefined);
    let next = 0;
    const mounts = request.mounts.map((mount, index): ExecMount => {
      const input = results[index] === undefined ? -1 : next++;
      return mountOf({ ...mount, input }, inputs.length);
    });
    const network = networkOf(request.network);
    this.require(network === 'host', 'network.host');
    const hosts = extraHosts.map(({ host, ip }) => ({ host, address: ip }));
    const opening = this.parts.builder.container({ mounts, inputs, network, hostname, extraHosts: hosts }, context);
    this.opened.set(containerId, opening);
    opening.catch(() => this.opened.delete(containerId));
    await opening;
    return {};
  }

  async release({
    containerId,
  }: gateway.ReleaseContainerRequest): Promise<Written<typeof gateway.releaseContainerResponse>> {
    const container = this.opened.get(containerId);
    if (container === undefined) throw fail('not-found', `container details for ${containerId} not found`);
    this.opened.delete(containerId);
    await (await container).close();
    return {};
  }

  /** Starts what a client asks for in one of them. */
  async start(
    init: gateway.InitMessage,
    streams: Pick<ProcessRequest, 'onOutput' | 'signal'>,
  ): Promise<ContainerProcess> {
    const container = this.opened.get(init.containerId);
    if (container === undefined)
      throw fail('not-found', `container ${JSON.stringify(init.containerId)} previously released or not created`);
    const meta = init.meta ?? missing('meta of a process');
    if (meta.args.length === 0) throw fail('invalid-argument', 'process without arguments');
    const security = securityOf(init.security);
    this.require(security === 'insecure', 'security.insecure');
    return await (await container).start({
      words: meta.args,
      environment: meta.env,
      directory: meta.cwd === '' ? '/' : meta.cwd,
      user: meta.user,
      security,
      secretEnvironment: init.secretenv.map(({ id, name, optional }) => ({ id, name, isOptional: optional })),
      hasTerminal: init.tty,
      ...streams,
    });
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    const containers = [...this.opened.values()];
    this.opened.clear();
    await Promise.allSettled(containers.map(async (container) => (await container).close()));
  }

  private require(isWanted: boolean, name: string): void {
    if (isWanted && !this.parts.entitlements.has(name)) throw fail('forbidden', `${name} is not allowed`);
  }
}
