import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerCreateRequest } from '#api';
import { createApi } from '../api.ts';
import type { ApiRequest } from '../exchange.ts';
import type { MemoryContainers } from './containers.ts';
import { memoryFeatures } from './features.ts';

/** Longest that a test waits for what must happen at once. */
const patienceMs = 3000;

/** Waits until a condition holds; rejects with its name when it does not in time. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Waits until a number has stayed the same for a while: what produces it is held back. */
export async function stalls(read: () => number): Promise<void> {
  let last = read();
  let same = 0;
  await until('it stalls', () => {
    same = read() === last ? same + 1 : 0;
    last = read();
    return same === 20;
  });
}

/** A client that speaks bytes, not HTTP: what comes back is looked at as latin-1 text. */
export class RawClient {
  received = '';
  /** The server has ended its side. */
  ended = false;
  readonly socket: Socket;

  constructor(path: string) {
    this.socket = connect({ path, allowHalfOpen: true });
    this.socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1');
    });
    for (const event of ['end', 'close', 'error']) {
      this.socket.on(event, () => {
        this.ended = true;
      });
    }
  }

  /** Sends a request with lines of head joined by CRLF; `body` gets its Content-Length. */
  request(line: string, headers: readonly string[] = [], body?: string): void {
    const length = body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
    this.send(`${[`${line} HTTP/1.1`, 'Host: d', ...headers, ...length].join('\r\n')}\r\n\r\n${body ?? ''}`);
  }

  send(text: string): void {
    this.socket.write(text);
  }

  /** Ends the client's side only. */
  halfClose(): void {
    this.socket.end();
  }

  async sees(text: string): Promise<void> {
    await until(`the answer holds ${JSON.stringify(text)}, got ${JSON.stringify(this.received)}`, () =>
      this.received.includes(text),
    );
  }

  async seesEnd(): Promise<void> {
    await until(`the server ends, got ${JSON.stringify(this.received)}`, () => this.ended);
  }
}

/** Features and their API on a unix socket of its own, until disposed. */
export async function serveMemory() {
  const directory = mkdtempSync(join(tmpdir(), 'estiba-http-'));
  const features = memoryFeatures();
  const path = join(directory, 's');
  const listener = await createApi(features).listen(`unix://${path}`);
  const clients: RawClient[] = [];
  return {
    ...features,
    path,
    listener,
    client: () => {
      const client = new RawClient(path);
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.socket.destroy();
      await listener.close();
      rmSync(directory, { recursive: true });
    },
  };
}

/** A container `a`, started. */
export async function runContainer(containers: MemoryContainers, request: ContainerCreateRequest): Promise<void> {
  await containers.create('a', { Image: 'busybox', ...request });
  await containers.start('a');
}

/** A request as the transport would hand it over. */
export function request(
  method: string,
  target: string,
  options: { body?: string | Uint8Array; headers?: Record<string, string>; signal?: AbortSignal } = {},
): ApiRequest {
  const { body, signal = new AbortController().signal } = options;
  const headers = new Map(Object.entries(options.headers ?? {}));
  if (body !== undefined) {
    headers.set('content-length', `${Buffer.byteLength(body)}`);
    if (!headers.has('content-type')) headers.set('content-type', 'application/json');
  }
  async function* chunks(): AsyncGenerator<Uint8Array> {
    if (body !== undefined) yield Buffer.from(body);
  }
  return { method, target, headers, body: chunks(), signal };
}

/** The whole body of an answer as text. */
export async function textOf(
  body: string | Uint8Array | AsyncIterable<Uint8Array | string> | undefined,
): Promise<string> {
  if (body === undefined || typeof body === 'string') return body ?? '';
  if (body instanceof Uint8Array) return Buffer.from(body).toString();
  let text = '';
  for await (const chunk of body) text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1');
  return text;
}
