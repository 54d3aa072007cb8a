import type { Socket } from 'node:net';
import { fail, kindOf, messageOf } from '#std/errors';
import { log } from '#std/log';
import type { ApiRequest, ApiResponse, Hijack } from '../exchange.ts';
import { BodyReader } from './body-reader.ts';
import { ByteReader } from './byte-reader.ts';
import type { RequestHead } from './head.ts';
import { holdsWord, MalformedRequest, parseHead } from './head.ts';
import { closeGently, serveHijack } from './hijack.ts';
import { encodeHead, writeResponse } from './response-writer.ts';
import { SocketWriter } from './socket-writer.ts';

export type Handle = (request: ApiRequest) => Promise<ApiResponse>;

/** A head may have this many bytes (filters travel in it), and this long to arrive once it began. */
const maximumHeadBytes = 256 * 1024;
const headTimeoutMs = 30_000;
/** Of a body that nobody read: what is dropped to keep the connection, rather than closing it. */
const discardedBodyBytes = 256 * 1024;

/** One client's connection, from accept to close. */
export class Connection {
  readonly #socket: Socket;
  readonly #reader: ByteReader;
  readonly #writer: SocketWriter;
  readonly #handle: Handle;
  readonly #headTimeoutMs: number;
  /** Of the request at hand; undefined between requests. */
  #request: AbortController | undefined;
  #hijacked = false;
  #draining = false;

  constructor(socket: Socket, handle: Handle, options: { headTimeoutMs?: number } = {}) {
    this.#socket = socket;
    this.#handle = handle;
    this.#headTimeoutMs = options.headTimeoutMs ?? headTimeoutMs;
    socket.on('error', () => socket.destroy());
    this.#reader = new ByteReader(socket);
    this.#writer = new SocketWriter(socket);
    this.#reader.onEnd = () => {
      // A client that upgrades may close its side at once and still read; any other is gone.
      if (!this.#hijacked) this.#request?.abort(fail('cancelled', 'the client went away'));
    };
  }

  /** Serves requests until either side closes. Never rejects. */
  async serve(): Promise<void> {
    try {
      while (!this.#draining && (await this.#serveOne()));
    } catch (error) {
      if (kindOf(error) === 'internal') log('warn', 'connection broke', { error: messageOf(error) });
    } finally {
      await closeGently(this.#socket, this.#reader, this.#writer);
    }
  }

  /** Ends the connection: at once when it is idle, else when its request has ended, which is told to end now. */
  drain(): void {
    this.#draining = true;
    if (this.#request === undefined) this.#socket.destroySoon();
    this.#request?.abort(fail('unavailable', 'the engine is stopping'));
    if (this.#hijacked) this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Serves one request; returns whether another may follow. */
  async #serveOne(): Promise<boolean> {
    let head: RequestHead | undefined;
    try {
      head = await this.#readHead();
    } catch (error) {
      await this.#refuse(error);
      return false;
    }
    if (head === undefined) return false;
    const abort = new AbortController();
    this.#request = abort;
    try {
      return await this.#answer(head, abort);
    } catch (error) {
      // The answer broke off: what went wrong is logged where it is not just the client leaving.
      if (!abort.signal.aborted && kindOf(error) !== 'cancelled') {
        log('error', 'answer broke off', { method: head.method, target: head.target, error: messageOf(error) });
      }
      abort.abort(fail('cancelled', 'the answer broke off'));
      this.#socket.destroy();
      return false;
    } finally {
      this.#request = undefined;
    }
  }

  async #answer(head: RequestHead, abort: AbortController): Promise<boolean> {
    const expectsContinue = head.minorVersion === 1 && holdsWord(head.headers.get('expect'), '100-continue');
    let continueDue = expectsContinue;
    const sendContinue = () => {
      if (continueDue) this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      continueDue = false;
    };
    const body = new BodyReader(this.#reader, head.framing, sendContinue);
    const { method, target, headers } = head;
    this.#hijacked = mayHijack(head);
    const response = await this.#handle({ method, target, headers, body, signal: abort.signal });
    this.#hijacked = response.hijack !== undefined || response.upgrade !== undefined;
    if (response.hijack !== undefined) {
      await this.#openHijack(response, response.hijack, body);
      await serveHijack(this.#socket, this.#reader, this.#writer, response.hijack);
      return false;
    }
    if (response.upgrade !== undefined) {
      await body.discard(discardedBodyBytes);
      await this.#writer.write(encodeHead(response, ''));
      this.#reader.release();
      await response.upgrade(this.#socket);
      return false;
    }
    if (this.#reader.ended && !abort.signal.aborted) abort.abort(fail('cancelled', 'the client went away'));
    // A streamed answer may read the body as it goes: the client must be told to send it before the head goes out.
    if (isStreamed(response)) sendContinue();
    // The body may never come now, so the connection cannot be used again.
    const keepAlive = head.keepAlive && !this.#draining && !(continueDue && !body.finished);
    continueDue = false;
    const stays = await writeResponse(this.#writer, head, response, keepAlive);
    return stays && (await body.discard(discardedBodyBytes));
  }

  async #openHijack(response: ApiResponse, hijack: Hijack, body: BodyReader): Promise<void> {
    try {
      await body.discard(discardedBodyBytes);
      await this.#writer.write(encodeHead(response, ''));
    } catch (error) {
      hijack.abandon();
      throw error;
    }
  }

  /** The next head; undefined when the client has no more requests. */
  async #readHead(): Promise<RequestHead | undefined> {
    let bytes = await this.#reader.read();
    if (bytes === undefined) return undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      for (let searched = 0; ; ) {
        while (bytes[0] === 0x0d && bytes[1] === 0x0a) bytes = bytes.subarray(2);
        const end = bytes.indexOf('\r\n\r\n', searched, 'latin1');
        if (end !== -1 && end <= maximumHeadBytes) {
          this.#reader.unread(bytes.subarray(end + 4));
          return parseHead(bytes.toString('latin1', 0, end));
        }
        if (bytes.byteLength > maximumHeadBytes) throw new MalformedRequest('request head too large', 431);
        timer ??= setTimeout(() => this.#socket.destroy(), this.#headTimeoutMs);
        searched = Math.max(0, bytes.byteLength - 3);
        const more = await this.#reader.read();
        if (more === undefined) return undefined;
        bytes = Buffer.concat([bytes, more]);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async #refuse(error: unknown): Promise<void> {
    if (!(error instanceof MalformedRequest)) throw error;
    const text = `${error.status} ${error.message}`;
    const headers = { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' };
    const head = encodeHead({ status: error.status, headers }, `Content-Length: ${text.length}\r\n`);
    await this.#writer.write(head + text).catch(() => undefined);
  }
}

function isStreamed({ body }: ApiResponse): boolean {
  return typeof body === 'object' && !(body instanceof Uint8Array);
}

/** Attach and exec start take the connection over; until they have, a half-close is the client's input ending, not its leave. */
function mayHijack({ method, target }: RequestHead): boolean {
  if (method === 'GET') return /\/attach\/ws(?:\?|$)/.test(target);
  return method === 'POST' && /\/(?:attach|exec\/[^/?]+\/start)(?:\?|$)/.test(target);
}
