import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

/** A request as it came. */
export interface ScriptedRequest {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly body: Uint8Array;
  /** From 1, among requests of this method and path. */
  readonly count: number;
}

/** An answer, which need not be true to itself. */
export interface ScriptedAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** The `Content-Length` that is given, where it is not the body's. */
  readonly claimedBytes?: number;
  /** The connection breaks after so many bytes of the body. */
  readonly breakAfterBytes?: number;
  /** What a break waits for: a client may lose what it has not read when the connection ends. */
  readonly breakWhen?: Promise<unknown>;
  /** Pause between pieces of `dripBytes` (1 where it is not said). */
  readonly dripMs?: number;
  readonly dripBytes?: number;
  /** Nothing more comes after the headers and what of the body comes before `breakAfterBytes`, and the connection stays. */
  readonly hangs?: boolean;
}

export type Script = (request: ScriptedRequest) => ScriptedAnswer | Promise<ScriptedAnswer>;

export interface ScriptedServer extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly port: number;
  /** All that came, in order. */
  readonly requests: readonly ScriptedRequest[];
}

/** The length of a chunked body's end, with its bytes; undefined while it is not all there. */
function readChunked(data: Buffer): { body: Buffer; length: number } | undefined {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = data.indexOf('\r\n', at);
    if (line === -1) return undefined;
    const size = Number.parseInt(data.toString('latin1', at, line), 16);
    const end = line + 2 + size + 2;
    if (data.length < end) return undefined;
    if (size === 0) return { body: Buffer.concat(chunks), length: end };
    chunks.push(data.subarray(line + 2, line + 2 + size));
    at = end;
  }
}

type Received = Omit<ScriptedRequest, 'count'>;

/** Takes the first request from what came; undefined while it is not all there. */
function readRequest(data: Buffer): { request: Received; length: number } | undefined {
  const head = data.indexOf('\r\n\r\n');
  if (head === -1) return undefined;
  const [first = '', ...lines] = data.toString('latin1', 0, head).split('\r\n');
  const [method = '', target = ''] = first.split(' ');
  const headers = new Headers(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    }),
  );
  const rest = data.subarray(head + 4);
  const size = Number(headers.get('content-length') ?? 0);
  const chunked = headers.get('transfer-encoding') === 'chunked' ? readChunked(rest) : undefined;
  if (headers.get('transfer-encoding') === 'chunked' ? chunked === undefined : rest.length < size) return undefined;
  const { pathname, searchParams } = new URL(target, 'http://scripted');
  const body = chunked?.body ?? rest.subarray(0, size);
  const request = { method, url: target, path: pathname, query: searchParams, headers, body: new Uint8Array(body) };
  return { request, length: head + 4 + (chunked?.length ?? size) };
}

async function write(socket: Socket, request: Received, answer: ScriptedAnswer, ended: AbortSignal): Promise<void> {
  const { status = 200, headers = {}, breakAfterBytes, dripMs, dripBytes = 1, hangs = false } = answer;
  const body = Buffer.from(answer.body ?? '');
  const given = { 'Content-Length': String(answer.claimedBytes ?? body.length), ...headers };
  const lines = Object.entries(given).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 ${status} Scripted\r\n${lines.join('')}\r\n`);
  const sent = request.method === 'HEAD' ? Buffer.alloc(0) : body.subarray(0, breakAfterBytes ?? body.length);
  if (dripMs === undefined) socket.write(sent);
  else {
    for (let at = 0; at < sent.length && !ended.aborted && !socket.destroyed; at += dripBytes) {
      socket.write(sent.subarray(at, at + dripBytes));
      await Bun.sleep(dripMs);
    }
  }
  if (answer.breakWhen !== undefined) await answer.breakWhen;
  if (!hangs && (breakAfterBytes !== undefined || sent.length < (answer.claimedBytes ?? 0))) socket.end();
}

/** Serves what a script says, on a free port of this machine; it may lie in every way that a registry can. */
export async function startScriptedServer(
  script: Script,
  options: { readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string } } = {},
): Promise<ScriptedServer> {
  const requests: ScriptedRequest[] = [];
  const sockets = new Set<Socket>();
  const ended = new AbortController();

  async function respond(socket: Socket, received: Received): Promise<void> {
    const like = requests.filter(({ method, path }) => method === received.method && path === received.path);
    const request = { ...received, count: like.length + 1 };
    requests.push(request);
    await write(socket, received, await script(request), ended.signal);
  }

  const accept = (socket: Socket): void => {
    let data: Buffer = Buffer.alloc(0);
    let last = Promise.resolve();
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      data = Buffer.concat([data, chunk]);
      // What a server of plain HTTP says to whoever begins with TLS.
      if (tls === undefined && data[0] === 0x16) return void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      for (let read = readRequest(data); read !== undefined; read = readRequest(data)) {
        const { request, length } = read;
        data = data.subarray(length);
        last = last.then(() => respond(socket, request)).catch(() => void socket.destroy());
      }
    });
  };
  const tls = options.tls && { ...options.tls, ...(options.tls.ca !== undefined && { requestCert: true }) };
  const server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    port,
    requests,
    async [Symbol.asyncDispose]() {
      ended.abort();
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
