import { control, type Timestamp } from '#build-api';
import { type EngineClient, openBuildControl, openSession } from '#client';
import { connectGrpc, type Implementation, methodPath, serveGrpc } from '#grpc';
import type { BuildUpdate, Display } from './display/model.ts';

type StatusResponse = control.StatusResponse;

/** What a build is, and what it may ask for while it goes on. */
export interface BuildRequest {
  readonly sharedKey: string;
  readonly offers: readonly Implementation[];
  readonly solve: Omit<Parameters<typeof control.solveRequest.encode>[0], 'ref' | 'session'>;
  readonly display: Display;
  readonly signal: AbortSignal;
}

const millisecondsOf = ({ seconds, nanos }: Timestamp): number => seconds * 1000 + nanos / 1e6;

/** An update in the form that displays take. */
export function updateOf({ vertexes, statuses, logs, warnings }: StatusResponse): BuildUpdate {
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
    warnings: warnings.map(({ short, detail, url, ranges }) => ({
      short: text.decode(short),
      detail: detail.map((line) => text.decode(line)),
      url,
      line: ranges[0]?.start?.line ?? 0,
    })),
  };
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
      const { exporterResponse } = await builder.Solve({ ...request.solve, ref, session: id }, { signal });
      await showing;
      return exporterResponse;
    } catch (error) {
      // What the display has not been told yet comes, unless nobody wants it.
      if (signal.aborted) over.abort();
      await showing.catch(() => undefined);
      throw error;
    } finally {
      over.abort();
      await showing.catch(() => undefined);
      display.end();
    }
  } finally {
    connection.close();
    session.close();
  }
}
