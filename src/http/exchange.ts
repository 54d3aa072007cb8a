import type { Attachment } from '#containers';
import type { TakeConnection } from './build/doors.ts';
import type { Query } from './query.ts';

/** A request as the transport (or a test) hands it over: the head parsed, the body not yet read. */
export interface ApiRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  /** Read at most once, with back-pressure; empty when the request has no body. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Aborts when the client goes away, or when the listener closes. */
  readonly signal: AbortSignal;
}

/** Takes the connection over after the head was sent: raw bytes both ways until either side ends. */
export interface Hijack {
  /** Called once the head is out. A rejection is told to the client in the stream, by `explain`. */
  connect(): Promise<Attachment>;
  /** Called instead of `connect` when the client was gone before the head was out. */
  abandon(): void;
  /** What to send when `connect` rejects. */
  explain(error: unknown): Uint8Array;
}

export interface ApiResponse {
  readonly status: number;
  /** The words behind the status, when they are not the usual ones. */
  readonly statusText?: string;
  /** In the order and spelling they are sent. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whole, or streamed in chunks, each sent as it comes; the head of a streamed body goes out at once. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array | string>;
  readonly hijack?: Hijack;
  /** Takes the connection once the head is out, as a stream of bytes both ways; its end is the taker's. */
  readonly upgrade?: TakeConnection;
}

/** A request routed: what an endpoint sees. */
export interface Call extends ApiRequest {
  /** The variable part of the path, decoded; empty when the route has none. */
  readonly name: string;
  readonly query: Query;
  /** The API version asked for, as `minor` of `1.minor`. */
  readonly version: number;
}

/** One endpoint: decode, call the feature, encode. */
export type Endpoint = (call: Call) => ApiResponse | Promise<ApiResponse>;

const jsonHeaders = { 'Content-Type': 'application/json' };

/** A JSON answer, closed by a line feed as Docker's are. */
export function json(value: unknown, status = 200): ApiResponse {
  return { status, headers: jsonHeaders, body: `${JSON.stringify(value)}\n` };
}

/** An answer without a body: 200 with length 0, 204 or 304. */
export function empty(status: 200 | 204 | 304 = 204): ApiResponse {
  return status === 200 ? { status, headers: {}, body: '' } : { status, headers: {} };
}

/** A streamed answer. */
export function stream(contentType: string, body: AsyncIterable<Uint8Array | string>): ApiResponse {
  return { status: 200, headers: { 'Content-Type': contentType }, body };
}
