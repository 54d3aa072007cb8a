import { expect } from 'bun:test';
import { digest, imageManifest, type TestClient } from './client.ts';

/** A request, and what must be answered. */
export interface Row {
  readonly request: readonly [
    method: string,
    path: string,
    body?: Uint8Array | string | undefined,
    headers?: Record<string, string>,
  ];
  readonly status: number;
  /** The error code in the body. */
  readonly code?: string;
  /** Null for one that must not be there. */
  readonly headers?: Readonly<Record<string, string | null>>;
  readonly json?: unknown;
  readonly text?: string;
}

async function check(client: TestClient, { request, status, code, headers = {}, json, text }: Row): Promise<void> {
  const what = `${request[0]} ${request[1]}`;
  const answer = await client.send(...request);
  const body = await answer.text();
  expect([what, answer.status, code === undefined ? '' : body]).toEqual([
    what,
    status,
    code === undefined ? '' : expect.stringContaining(`"code":"${code}"`),
  ]);
  expect(answer.headers.get('Docker-Distribution-Api-Version')).toBe('registry/2.0');
  for (const [name, value] of Object.entries(headers)) {
    expect([what, name, answer.headers.get(name)]).toEqual([what, name, value]);
  }
  if (json !== undefined) expect(JSON.parse(body)).toEqual(json);
  if (text !== undefined) expect(body).toBe(text);
}

/** Sends the requests in order, and checks each answer. */
export function tableOf(client: TestClient): (...rows: readonly Row[]) => Promise<void> {
  return async (...rows) => {
    for (const row of rows) await check(client, row);
  };
}

/** An image of few bytes, and a digest that nothing has. */
export const sample = (() => {
  const [config, layer] = ['{}', 'a layer of some bytes'];
  const manifest = imageManifest(config, [layer]);
  return { config, layer, manifest, named: digest(manifest), absent: digest('what nobody pushed') };
})();

/** Pushes the blobs of the sample. */
export async function fill(client: TestClient, repository: string): Promise<void> {
  await client.pushBlob(repository, sample.config);
  await client.pushBlob(repository, sample.layer);
}
