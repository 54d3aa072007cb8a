import { control, gateway, type Timestamp } from '#build-api';
import { type EngineClient, openBuildControl, openSession } from '#client';
import { connectGrpc, type GrpcClientConnection, type Implementation, methodPath, serveGrpc } from '#grpc';
import type { BuildUpdate, Display } from './display/model.ts';

type StatusResponse = control.StatusResponse;

/** What a build is, and what it may ask for while it goes on. */
export interface BuildRequest {
  readonly sharedKey: string;
  readonly offers: readonly Implementation[];
  readonly solve: Omit<Parameters<typeof control.solveRequest.encode>[0], 'ref' | 'session'>;
  readonly display: Display;
  readonly signal: AbortSignal;
  /** Not to build, but to have the frontend say something: its answer is the metadata of the result. */
  readonly isCall: boolean;
}

/** The header that says which build a call is of. */
const buildHeader = 'buildkit-controlapi-buildid';

const millisecondsOf = ({ seconds, nanos }: Timestamp): number => seconds * 1000 + nanos / 1e6;

/** An update in the form that displays take. */
function updateOf({ vertexes, statuses, logs, warnings }: StatusResponse): BuildUpdate {
  const text = new TextDecoder();
  return {
    vertices: vertexes.map(({ digest, name, cached, error, cause, started, completed }) => ({
      digest,
      name,
      error,
      cause,
      isCached: cached,
      ...(started !== undefined && { startedMs: millisecondsOf(started) }),
      ...(completed !== undefined && { completedMs: millisecondsOf(completed) }),
    })),
    statuses: statuses.map(({ id, vertex, current, total, started, completed }) => ({
      vertex,
      id,
      current,
      total,
      ...(started !== undefined && { startedMs: millisecondsOf(started) }),
      ...(completed !== undefined && { completedMs: millisecondsOf(completed) }),
    })),
    logs: logs.map(({ vertex, timestamp, msg }) => ({
      vertex,
      atMs: timestamp === undefined ? Date.now() : millisecondsOf(timestamp),
      data: msg,
    })),
    warnings: warnings.map(({ short, url, ranges }) => ({
      short: text.decode(short),
      url,
      line: ranges[0]?.start?.line ?? 0,
    })),
  };
}

/**
 * Asks the frontend within a build that is driven by us. What it says is the result's metadata, which a build that is driven by
 * the engine does not pass on.
 */
async function callFrontend(
  connection: GrpcClientConnection,
  { solve: { frontend, frontendAttrs }, signal }: BuildRequest,
  ids: { readonly ref: string; readonly session: string },
): Promise<ReadonlyMap<string, string>> {
  const solving = connection.client(control.controlService).Solve(ids, { signal });
  solving.catch(() => undefined);
  const bridge = connection.client(gateway.llbBridgeService);
  const options = { signal, metadata: { [buildHeader]: ids.ref } };
  const asked = { allowResultReturn: true, allowResultArrayRef: true };
  const { result } = await bridge.Solve({ frontend, frontendOpt: frontendAttrs, ...asked }, options);
  const metadata = result?.metadata ?? new Map<string, Uint8Array>();
  await bridge.Return({ result: { metadata } }, options);
  await solving;
  return new Map([...metadata].map(([name, value]) => [name, new TextDecoder().decode(value)]));
}

/** Has the engine build, and shows how it goes on. Throws a `GrpcError` with the engine's words, and where they come from. */
export async function solve(engine: EngineClient, request: BuildRequest): Promise<ReadonlyMap<string, string>> {
  const { sharedKey, offers, display, signal } = request;
  const id = crypto.randomUUID().replaceAll('-', '');
  const methods = offers.flatMap(({ service, handlers }) =>
    Object.keys(handlers).map((method) => methodPath(service, method)),
  );
  const [toSession, toControl] = await Promise.all([
    openSession(engine, { id, name: 'estiba', sharedKey, methods }),
    openBuildControl(engine),
  ]);
  const session = serveGrpc(toSession, offers);
  const connection = connectGrpc(toControl);
  try {
    const builder = connection.client(control.controlService);
    const ref = crypto.randomUUID().replaceAll('-', '');
    const over = new AbortController();
    const showing = (async () => {
      for await (const response of builder.Status({ ref }, { signal: over.signal })) display.update(updateOf(response));
    })();
    try {
      const ids = { ref, session: id };
      const answer = request.isCall
        ? await callFrontend(connection, request, ids)
        : (await builder.Solve({ ...request.solve, ...ids }, { signal })).exporterResponse;
      await showing;
      return answer;
    } finally {
      // What the display has not been told yet comes, unless nobody wants it.
      if (signal.aborted) over.abort();
      await showing.catch(() => undefined);
      display.end();
    }
  } finally {
    connection.close();
    session.close();
  }
}
