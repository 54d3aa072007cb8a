import type { Method, Service } from './service.ts';

/** Headers of a call beside gRPC's own, by lower-case name; what came several times has all its values. */
export type Metadata = ReadonlyMap<string, readonly string[]>;

/** What a server's handler knows of a call. */
export interface ServerCall {
  readonly metadata: Metadata;
  /** Aborted when the client cancels, its deadline passes, or the connection ends. */
  readonly signal: AbortSignal;
}

/** Both directions of a call with streams. */
export interface MessageStream<In, Out> {
  /** Read at most once, with back-pressure. Throws `GrpcError` when the call ends in anything but ok. */
  readonly messages: AsyncIterable<In>;
  /** Resolves when more is taken. Rejects when the call is over. */
  send(message: Out): Promise<void>;
}

/** A client's side of a bidirectional call. */
export interface ClientStream<In, Out> extends MessageStream<In, Out> {
  /** No more will be sent. */
  end(): void;
  /** Ends the call at once; the other side sees it cancelled. */
  cancel(): void;
}

/** How a server does one method. */
export type Handler<M> =
  M extends Method<infer K, infer Q, infer _QI, infer _R, infer RI>
    ? {
        unary: (request: Q, call: ServerCall) => RI | Promise<RI>;
        'server-stream': (request: Q, call: ServerCall) => AsyncIterable<RI>;
        'client-stream': (messages: AsyncIterable<Q>, call: ServerCall) => Promise<RI>;
        bidirectional: (stream: MessageStream<Q, RI>, call: ServerCall) => Promise<void>;
      }[K]
    : never;

/** Methods that are missing are answered `unimplemented`. */
export type Handlers<S> = S extends Service<infer M> ? { readonly [K in keyof M]?: Handler<M[K]> } : never;

export interface CallOptions {
  readonly metadata?: Readonly<Record<string, string | readonly string[]>>;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
  /** How long it may take; `deadline-exceeded` after that. */
  readonly timeoutMs?: number;
}

/** How a client calls one method. */
export type Caller<M> =
  M extends Method<infer K, infer _Q, infer QI, infer R, infer _RI>
    ? {
        unary: (request: QI, options?: CallOptions) => Promise<R>;
        'server-stream': (request: QI, options?: CallOptions) => AsyncIterable<R>;
        'client-stream': (messages: AsyncIterable<QI>, options?: CallOptions) => Promise<R>;
        bidirectional: (options?: CallOptions) => ClientStream<R, QI>;
      }[K]
    : never;

export type Client<S> = S extends Service<infer M> ? { readonly [K in keyof M]: Caller<M[K]> } : never;

/** A service with the handlers that do it; made by `implement`. */
export interface Implementation {
  readonly service: Service;
  readonly handlers: Readonly<Record<string, unknown>>;
}

export interface GrpcConnection {
  /** Resolves when the connection has ended, for whatever reason. Never rejects. */
  readonly closed: Promise<void>;
  /** Aborted when the connection has ended. */
  readonly signal: AbortSignal;
  /** Ends it at once with all its calls. */
  close(): void;
}

export interface GrpcClientConnection extends GrpcConnection {
  client<S extends Service>(service: S): Client<S>;
}
