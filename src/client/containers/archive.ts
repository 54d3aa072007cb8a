import { fail } from '#std/errors';
import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';
import type { ResponseBody } from '../transport/response-body.ts';
import type { ResponseHead } from '../transport/response-head.ts';

/** What the engine tells of a path in a container (header `X-Docker-Container-Path-Stat`). */
export interface PathStat {
  readonly name: string;
  readonly size: number;
  /** Go's os.FileMode: the permissions in the low nine bits, kinds from the top. */
  readonly mode: number;
  readonly mtime: string;
  readonly linkTarget: string;
}

function pathStat(head: ResponseHead): PathStat {
  const header = head.headers.get('x-docker-container-path-stat');
  if (header === undefined) throw fail('internal', 'the engine did not say what the path is');
  return JSON.parse(Buffer.from(header, 'base64').toString()) as PathStat;
}

const archivePath = (container: string): string => `/containers/${segment(container)}/archive`;

/** `HEAD /containers/{id}/archive`. */
export async function statInContainer(engine: EngineClient, container: string, path: string): Promise<PathStat> {
  const { head } = await engine.send({ method: 'HEAD', path: archivePath(container), query: { path } });
  return pathStat(head);
}

/** `GET /containers/{id}/archive`: a path and all below it as a tar. */
export async function archiveFromContainer(
  engine: EngineClient,
  container: string,
  path: string,
): Promise<{ stat: PathStat; body: ResponseBody }> {
  const { head, body } = await engine.send({ method: 'GET', path: archivePath(container), query: { path } });
  return { stat: pathStat(head), body };
}

/** `PUT /containers/{id}/archive`: unpacks a tar in a folder of the container. */
export function extractToContainer(
  engine: EngineClient,
  container: string,
  options: { path: string; noOverwriteDirNonDir?: boolean; copyUIDGID?: boolean },
  archive: AsyncIterable<Uint8Array>,
): Promise<void> {
  return engine.done({
    method: 'PUT',
    path: archivePath(container),
    query: options,
    headers: { 'Content-Type': 'application/x-tar' },
    body: archive,
  });
}
