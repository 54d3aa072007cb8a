import type { llb } from '#build-api';
import type { BuildContext, Builder, Edge, FrontendOptions } from '#builder';
import type { BuildSessions } from '../control/build-sessions.ts';
import { decodeDefinition } from '../llb/definition.ts';
import type { EdgeBook } from '../llb/edge-book.ts';
import { runFrontend } from './frontends.ts';
import type { GatewayResult } from './result.ts';

interface GraphParts {
  readonly builder: Builder;
  readonly book: EdgeBook;
  readonly sessions: BuildSessions;
}

/** What a graph is made of: of a frontend and what it is given, or, where none is named, of a definition. */
interface GraphRequest {
  readonly frontend: string;
  readonly options: FrontendOptions;
  readonly inputs: ReadonlyMap<string, llb.Definition>;
  readonly definition: llb.Definition | undefined;
}

/** Whether a client has sent a definition that says anything. */
export function hasOperations(definition: llb.Definition | undefined): boolean {
  return definition !== undefined && definition.def.length > 0;
}

/** File systems that a client gives, by name. */
function decodeInputs(definitions: GraphRequest['inputs'], book: EdgeBook): ReadonlyMap<string, Edge> {
  const inputs = new Map<string, Edge>();
  for (const [name, definition] of definitions) {
    const edge = decodeDefinition(definition, book);
    if (edge !== undefined) inputs.set(name, edge);
  }
  return inputs;
}

/** Makes the graph that a client asks for, whose files may be other sessions' too. `context` is that of a frontend's run. */
export async function makeGraph(
  { builder, book, sessions }: GraphParts,
  { frontend, options, inputs: definitions, definition }: GraphRequest,
  context: () => Promise<BuildContext>,
): Promise<GatewayResult> {
  if (frontend === '') {
    const ref = definition && decodeDefinition(definition, book);
    await sessions.adopt(ref === undefined ? [] : [ref]);
    return { ref, metadata: new Map() };
  }
  const inputs = decodeInputs(definitions, book);
  await sessions.adopt([...inputs.values()]);
  return await runFrontend(builder, { frontend, options, inputs }, await context());
}
