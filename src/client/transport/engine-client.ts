import { type ErrorKind, errorKinds, fail } from '#std/errors';
import { Connection } from './connection.ts';
import type { Endpoint } from './endpoint.ts';
import { type EngineRequest, encodeBody, requestTarget } from './request.ts';
import { ResponseBody } from './response-body.ts';
import { type ResponseHead, readResponseHead } from './response-head.ts';

export interface EngineResponse {
  readonly head: ResponseHead;
  readonly body: ResponseBody;
}

/** A connection taken over from HTTP: bytes in both directions, each closed by itself. */
export interface HijackedStream {
  readonly connection: Connection;
  /** Whether what comes is cut into frames of standard output and error (else it is a terminal's raw bytes). */
  readonly multiplexed: boolean;
}

export interface EngineClientOptions {
  /** The API version asked for in every path; without it the engine's own newest is used and no negotiation needed. */
  readonly version?: string | undefined;
  readonly userAgent?: string;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Speaks HTTP/1.1 with one engine, over as many connections as there are requests at once, kept for the next. */
export class EngineClient {
  readonly #idle: Connection[] = [];
  #opening: Promise<Connection>[] = [];

  constructor(
    readonly endpoint: Endpoint,
    readonly options: EngineClientOptions = {},
  ) {}

  /** Opens connections that will be needed soon, so that their set-up overlaps other work. */
  prepare(count: number): void {
    for (let index = 0; index < count; index++) {
      const opening = Connection.open(this.endpoint);
      // Its failure is told to the request that takes it.
      opening.catch(() => undefined);
      this.#opening.push(opening);
    }
  }

  /**
   * Sends a request and gives the answer as soon as its head is there.
   * @throws the engine's error, by kind, for a status of 400 and above.
   */
  async send(request: EngineRequest): Promise<EngineResponse> {
    const { connection, head } = await this.#exchange(request);
    const abort = (): void => connection.close();
    request.signal?.addEventListener('abort', abort);
    const body = new ResponseBody(connection, head, request.method, (reusable) => {
      request.signal?.removeEventListener('abort', abort);
      if (reusable && !connection.finished) this.#idle.push(connection);
      else connection.close();
    });
    if (head.status >= 400) throw await engineError(head.status, body);
    return { head, body };
  }

  /** The answer as JSON. The engine is trusted to send what its API says. */
  async json<T>(request: EngineRequest): Promise<T> {
    const { body } = await this.send(request);
    return JSON.parse(await body.text()) as T;
  }

  /** For requests whose answer is its status. */
  async done(request: EngineRequest): Promise<void> {
    const { body } = await this.send(request);
    await body.text();
  }

  /** Sends a request that takes the connection over (`Upgrade: tcp`), as attach and exec do; `h2c` for HTTP/2 over it. */
  async hijack(request: EngineRequest, protocol: 'tcp' | 'h2c' = 'tcp'): Promise<HijackedStream> {
    const { connection, head } = await this.#exchange({
      ...request,
      headers: { ...request.headers, Connection: 'Upgrade', Upgrade: protocol },
    });
    if (head.status >= 400) {
      const body = new ResponseBody(connection, head, request.method, () => connection.close());
      throw await engineError(head.status, body);
    }
    return { connection, multiplexed: isMultiplexed(head) };
  }

  /** Closes what is open and idle. */
  close(): void {
    for (const connection of this.#idle.splice(0)) connection.close();
    for (const opening of this.#opening.splice(0)) {
      opening.then(
        (connection) => connection.close(),
        () => undefined,
      );
    }
  }

  async #exchange(request: EngineRequest): Promise<{ connection: Connection; head: ResponseHead }> {
    const { signal } = request;
    signal?.throwIfAborted();
    const connection = await this.#take();
    const abort = (): void => connection.close();
    signal?.addEventListener('abort', abort);
    let writeError: unknown;
    // Reading goes on while the body is sent: an engine may answer before it has read all of it, and its refusal says
    // more than the broken pipe that follows.
    void this.#write(connection, request).catch((error: unknown) => {
      writeError = error;
      connection.close();
    });
    try {
      return { connection, head: await readResponseHead(connection) };
    } catch (error) {
      connection.close();
      signal?.throwIfAborted();
      throw writeError ?? error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  async #take(): Promise<Connection> {
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) if (!idle.finished) return idle;
    return (await this.#opening.shift()) ?? Connection.open(this.endpoint);
  }

  async #write(connection: Connection, request: EngineRequest): Promise<void> {
    const { bytes, stream, headers } = encodeBody(request.body);
    const prefix = this.options.version === undefined ? '' : `/v${this.options.version}`;
    const fields = {
      Host: this.endpoint.kind === 'tcp' ? `${this.endpoint.host}:${this.endpoint.port}` : 'localhost',
      'User-Agent': this.options.userAgent ?? 'estiba',
      ...this.options.headers,
      ...headers,
      ...request.headers,
    };
    let head = `${request.method} ${prefix}${requestTarget(request.path, request.query)} HTTP/1.1\r\n`;
    for (const [name, value] of Object.entries(fields)) {
      for (const one of Array.isArray(value) ? value : [value]) head += `${name}: ${one}\r\n`;
    }
    const start = Buffer.from(`${head}\r\n`);
    await connection.write(bytes ? Buffer.concat([start, bytes]) : start);
    if (!stream) return;
    for await (const chunk of stream) {
      if (chunk.length === 0) continue;
      await connection.write(Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, crlf]));
    }
    await connection.write('0\r\n\r\n');
  }
}

const crlf = Buffer.from('\r\n');

/** Whether an answer's bytes are cut into frames (API 1.42 and later say so in the content type). */
export function isMultiplexed(head: ResponseHead): boolean {
  return head.headers.get('content-type') === 'application/vnd.docker.multiplexed-stream';
}

const kindByStatus = new Map<number, ErrorKind>(
  (Object.keys(errorKinds) as ErrorKind[]).reverse().map((kind) => [errorKinds[kind].status, kind]),
);

/** The engine's error as the docker CLI words it. */
async function engineError(status: number, body: ResponseBody): Promise<Error> {
  const text = (await body.text().catch(() => '')).trim();
  let message = text;
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && 'message' in parsed) message = String(parsed.message).trim();
  } catch {
    // Not JSON: a proxy's or another server's words are shown as they are.
  }
  if (message === '') message = `request returned status ${status} without a message`;
  const kind = kindByStatus.get(status) ?? (status >= 500 ? 'internal' : 'invalid-argument');
  return fail(kind, `Error response from daemon: ${message}`);
}
