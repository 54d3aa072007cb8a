import type { TestEngine } from '../harness/index.ts';
import { readTar } from './tar.ts';

/** Path of the API for the files of a container. */
export function archive(container: string, path: string, query = ''): string {
  return `/containers/${container}/archive?path=${encodeURIComponent(path)}${query}`;
}

/** Status and message of an answer that refuses. */
export async function refusal(response: Response): Promise<string> {
  const { message } = (await response.json()) as { message: string };
  return `${response.status} ${message}`;
}

/** Sends a tar, or what is to be taken for one. */
export function putTar(engine: TestEngine, path: string, tar: ArrayBufferView | string): Promise<Response> {
  const body = new Blob([tar as string]);
  return fetch(`http://estiba${path}`, { unix: engine.socket, method: 'PUT', body });
}

/** The entries of the tar that a GET answers with. */
export async function getTar(engine: TestEngine, path: string) {
  const response = await engine.request('GET', path);
  if (!response.ok) throw new Error(await response.text());
  return readTar(await response.bytes());
}
