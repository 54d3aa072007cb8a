import type { ProgressMessage } from '#api';
import { jsonLines } from '../streams/json-lines.ts';
import type { EngineClient } from '../transport/engine-client.ts';

export interface ImportOptions {
  /** `-` when the archive is the body, else an address that the engine fetches. */
  readonly source: string;
  readonly repo?: string | undefined;
  readonly tag?: string | undefined;
  readonly message?: string | undefined;
  readonly changes?: readonly string[];
  readonly platform?: string | undefined;
}

/** `POST /images/create?fromSrc=`: an image of one layer from a root file system's archive. */
export async function importImage(
  engine: EngineClient,
  options: ImportOptions,
  archive?: AsyncIterable<Uint8Array>,
): Promise<AsyncIterable<ProgressMessage>> {
  const { source, ...query } = options;
  const { body } = await engine.send({
    method: 'POST',
    path: '/images/create',
    query: { fromSrc: source, ...query },
    headers: { 'Content-Type': 'text/plain' },
    body: archive,
  });
  return jsonLines(body);
}
