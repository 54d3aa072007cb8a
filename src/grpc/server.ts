import type { Duplex } from 'node:stream';
import { EstibaError, fail, messageOf } from '#std/errors';
import { log } from '#std/log';
import { headerOf, metadataOf, responseHeaders, timeoutOf, trailersOf } from './call-headers.ts';
import { CallSide } from './call-side.ts';
import { failCall, type GrpcError, statusOf } from './failure.ts';
import type { Assembly } from './framing.ts';
import { Http2Connection } from './http2/connection.ts';
import { resetCodes } from './http2/frames.ts';
import type { Header } from './http2/hpack.ts';
import type { Http2Stream } from './http2/stream.ts';
import { type Method, methodPath } from './service.ts';
import type { GrpcConnection, Implementation, Metadata, ServerCall } from './types.ts';

/** A method with what does it; its types are those of the table it came from. */
interface Served {
  readonly method: Method;
  readonly handler: unknown;
}

type UnaryHandler = (request: unknown, call: ServerCall) => Promise<unknown>;
type StreamHandler = (request: unknown, call: ServerCall) => AsyncIterable<unknown>;
type BothHandler = (stream: unknown, call: ServerCall) => Promise<void>;

/** One call as its server sees it. */
class CallOfServer extends CallSide implements ServerCall {
  readonly metadata: Metadata;
  readonly signal: AbortSignal;
  readonly #abort = new AbortController();
  readonly #served: Served;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #started = false;
  #done = false;

  constructor(stream: Http2Stream, headers: readonly Header[], served: Served, assembly: Assembly) {
    super(assembly);
    this.stream = stream;
    this.#served = served;
    this.metadata = metadataOf(headers);
    this.signal = this.#abort.signal;
    const timeoutMs = timeoutOf(headers);
    if (timeoutMs === undefined) return;
    this.#timer = setTimeout(() => this.failed(failCall('deadline-exceeded', 'context deadline exceeded')), timeoutMs);
  }

  /** Does the method and answers. Never rejects. */
  async run(): Promise<void> {
    try {
      await this.#handle();
      this.#finish(undefined);
    } catch (error) {
      // What a handler says of its own accord is for the client; anything else is a fault of ours.
      if (!(error instanceof EstibaError) && !this.#done)
        log('error', 'a gRPC call failed', { error: messageOf(error) });
      this.#finish(statusOf(error));
    }
  }

  onHeaders(): void {
    // A client has no trailers to say anything in.
  }

  protected failed(error: EstibaError): void {
    this.#finish(statusOf(error));
    this.endInbox(error);
    this.#abort.abort(error);
  }

  protected ended(): void {
    this.endInbox();
  }

  protected closed(error: EstibaError | undefined): void {
    this.#done = true;
    clearTimeout(this.#timer);
    const reason = error ?? fail('cancelled', 'the call is over');
    this.endInbox(reason);
    this.#abort.abort(reason);
  }

  protected left(): void {
    // What else the client sends is dropped: the handler ends the call.
    this.endInbox();
  }

  async #handle(): Promise<void> {
    const { method, handler } = this.#served;
    const { request, response } = method;
    const answer = (message: unknown) => this.#send(response.encode(message));
    switch (method.kind) {
      case 'unary':
        return await answer(await (handler as UnaryHandler)(await this.#single(), this));
      case 'client-stream':
        return await answer(await (handler as UnaryHandler)(this.messagesOf(request), this));
      case 'server-stream':
        for await (const message of (handler as StreamHandler)(await this.#single(), this)) await answer(message);
        return;
      case 'bidirectional':
        return await (handler as BothHandler)({ messages: this.messagesOf(request), send: answer }, this);
    }
  }

  async #single(): Promise<unknown> {
    const message = await this.nextOf(this.#served.method.request);
    if (message === undefined) throw failCall('internal', 'a call without its message');
    return message;
  }

  #send(bytes: Uint8Array): Promise<void> {
    if (this.#done) return Promise.reject(this.signal.reason ?? fail('cancelled', 'the call is over'));
    if (!this.#started) this.stream?.sendHeaders(responseHeaders);
    this.#started = true;
    return this.transmit(bytes);
  }

  #finish(error: GrpcError | undefined): void {
    if (this.#done) return;
    this.#done = true;
    clearTimeout(this.#timer);
    const trailers = trailersOf(error);
    this.stream?.end(this.#started ? trailers : [...responseHeaders, ...trailers]);
    // A client that still sends is told to stop, once it has the answer.
    if (this.stream?.localEnded === true) this.stream.reset(resetCodes.none);
  }
}

/** Why a request is no call that can be served; undefined when it is one. */
function refusal(headers: readonly Header[]): readonly Header[] | undefined {
  const isGrpc = /^application\/grpc(?:$|[+;])/.test(headerOf(headers, 'content-type') ?? '');
  if (headerOf(headers, ':method') !== 'POST') return [[':status', '405']];
  if (!isGrpc) return [[':status', '415']];
  const encoding = headerOf(headers, 'grpc-encoding') ?? 'identity';
  if (encoding === 'identity') return undefined;
  const error = failCall('unimplemented', `grpc: Decompressor is not installed for grpc-encoding "${encoding}"`);
  return [...responseHeaders, ['grpc-accept-encoding', 'identity'], ...trailersOf(error)];
}

/** What a path leads to. Throws `unimplemented` in gRPC's words. */
function find(served: ReadonlyMap<string, Served>, services: ReadonlySet<string>, path: string): Served {
  const found = served.get(path);
  if (found !== undefined) return found;
  const [, name = '', method = ''] = path.split('/');
  if (services.has(name)) throw failCall('unimplemented', `unknown method ${method} for service ${name}`);
  throw failCall('unimplemented', `unknown service ${name}`);
}

/** Serves what `implementations` offer over one connection that was accepted; the connection is ours from now on. */
export function serveGrpc(duplex: Duplex, implementations: readonly Implementation[]): GrpcConnection {
  const served = new Map<string, Served>();
  const services = new Set(implementations.map(({ service }) => service.name));
  for (const { service, handlers } of implementations) {
    for (const [name, method] of Object.entries(service.methods)) {
      const handler = handlers[name];
      if (handler !== undefined) served.set(methodPath(service, name), { method, handler });
    }
  }
  const assembly: Assembly = { bytes: 0 };
  return new Http2Connection(duplex, (stream, headers) => {
    const refused = refusal(headers);
    try {
      if (refused !== undefined) return stream.end(refused);
      const call = new CallOfServer(
        stream,
        headers,
        find(served, services, headerOf(headers, ':path') ?? ''),
        assembly,
      );
      stream.listener = call;
      call.run().catch(() => undefined);
    } catch (error) {
      stream.end([...responseHeaders, ...trailersOf(statusOf(error))]);
    }
  });
}
