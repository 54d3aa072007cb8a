import type { Duplex } from 'node:stream';
import { type EstibaError, fail } from '#std/errors';
import { errorOf, requestHeaders } from './call-headers.ts';
import { CallSide } from './call-side.ts';
import { failCall, GrpcError } from './failure.ts';
import type { Assembly } from './framing.ts';
import { Http2Connection } from './http2/connection.ts';
import { resetCodes } from './http2/frames.ts';
import type { Header } from './http2/hpack.ts';
import { type Method, methodPath, type Service } from './service.ts';
import type { CallOptions, Client, ClientStream, GrpcClientConnection } from './types.ts';

/** One call as its client sees it. */
class CallOfClient extends CallSide implements ClientStream<unknown, unknown> {
  readonly messages: AsyncIterable<unknown>;
  readonly #method: Method;
  readonly #signal: AbortSignal | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #trailers: readonly Header[] = [];
  /** Why it ended on this side. */
  #reason: unknown;

  constructor(connection: Http2Connection, path: string, method: Method, options: CallOptions, assembly: Assembly) {
    super(assembly);
    this.#method = method;
    this.messages = this.messagesOf(method.response);
    this.#signal = options.signal;
    options.signal?.throwIfAborted();
    this.stream = connection.open(requestHeaders(path, options), this);
    options.signal?.addEventListener('abort', this.#onAbort);
    if (options.timeoutMs === undefined) return;
    const exceeded = () => this.#breakOff(failCall('deadline-exceeded', 'context deadline exceeded'));
    this.#timer = setTimeout(exceeded, options.timeoutMs);
  }

  readonly #onAbort = (): void => this.#breakOff(this.#signal?.reason);

  send(message: unknown): Promise<void> {
    return this.transmit(this.#method.request.encode(message));
  }

  end(): void {
    this.stream?.end();
  }

  cancel(): void {
    this.#breakOff(fail('cancelled', 'context canceled'));
  }

  /** The one message of an answer that has one. */
  async answer(): Promise<unknown> {
    const message = await this.nextOf(this.#method.response);
    // The status comes behind it.
    if ((await this.nextOf(this.#method.response)) !== undefined) throw failCall('internal', 'more than one answer');
    if (message === undefined) throw failCall('internal', 'no answer');
    return message;
  }

  onHeaders(headers: readonly Header[], isLast: boolean): void {
    if (isLast) this.#trailers = headers;
    else if (errorOf([...headers, ['grpc-status', '0']]) !== undefined) this.#trailers = headers;
  }

  protected ended(): void {
    this.#settle(errorOf(this.#trailers));
    // The server has answered: what is still to be sent nobody reads.
    if (this.stream?.localEnded === false) this.stream.reset(resetCodes.cancel);
  }

  protected failed(error: EstibaError): void {
    this.#breakOff(error);
  }

  protected closed(error: EstibaError | undefined): void {
    this.#settle(this.#reason ?? error ?? errorOf(this.#trailers));
  }

  protected left(): void {
    this.cancel();
  }

  #breakOff(reason: unknown): void {
    this.#reason ??= reason;
    this.#settle(reason);
    this.stream?.reset(resetCodes.cancel);
  }

  #settle(error: unknown): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.endInbox(error);
  }
}

/** Sends all; a call that has ended says why where its answer is waited for. */
async function sendAll(call: CallOfClient, messages: AsyncIterable<unknown>): Promise<void> {
  try {
    for await (const message of messages) await call.send(message);
  } catch (error) {
    if (error instanceof GrpcError) throw error;
    call.cancel();
    throw error;
  }
  call.end();
}

async function* answersOf(begin: () => CallOfClient, request: unknown): AsyncGenerator<unknown> {
  const call = begin();
  call.send(request).catch(() => undefined);
  call.end();
  yield* call.messages;
}

/** The function that calls one method; its types are those of the method's table. */
function callerOf(kind: Method['kind'], begin: (options?: CallOptions) => CallOfClient): unknown {
  switch (kind) {
    case 'unary':
      return async (request: unknown, options?: CallOptions) => {
        const call = begin(options);
        call.send(request).catch(() => undefined);
        call.end();
        return await call.answer();
      };
    case 'server-stream':
      return (request: unknown, options?: CallOptions) => answersOf(() => begin(options), request);
    case 'client-stream':
      return async (messages: AsyncIterable<unknown>, options?: CallOptions) => {
        const call = begin(options);
        const [answer] = await Promise.all([call.answer(), sendAll(call, messages)]);
        return answer;
      };
    case 'bidirectional':
      return begin;
  }
}

class ClientConnection implements GrpcClientConnection {
  readonly closed: Promise<void>;
  readonly signal: AbortSignal;
  readonly #connection: Http2Connection;
  readonly #assembly: Assembly = { bytes: 0 };

  constructor(duplex: Duplex) {
    this.#connection = new Http2Connection(duplex);
    this.closed = this.#connection.closed;
    this.signal = this.#connection.signal;
  }

  client<S extends Service>(service: S): Client<S> {
    const callers = Object.entries(service.methods).map(([name, method]) => {
      const path = methodPath(service, name);
      const begin = (options: CallOptions = {}) =>
        new CallOfClient(this.#connection, path, method, options, this.#assembly);
      return [name, callerOf(method.kind, begin)];
    });
    return Object.fromEntries(callers) as Client<S>;
  }

  close(): void {
    this.#connection.close();
  }
}

/** Speaks to a server over a connection that was opened; the connection is ours from now on. */
export function connectGrpc(duplex: Duplex): GrpcClientConnection {
  return new ClientConnection(duplex);
}
