import type { Message } from './message.ts';

/** How many messages go each way. */
export type MethodKind = 'unary' | 'server-stream' | 'client-stream' | 'bidirectional';

/** One method of a service: its messages as they are read and as they may be written. */
export interface Method<K extends MethodKind = MethodKind, Q = unknown, QI = unknown, R = unknown, RI = unknown> {
  readonly kind: K;
  readonly request: Message<Q, QI>;
  readonly response: Message<R, RI>;
}

export interface Service<M extends Readonly<Record<string, Method>> = Readonly<Record<string, Method>>> {
  /** With its package: `moby.buildkit.v1.Control`. */
  readonly name: string;
  readonly methods: M;
}

function method<K extends MethodKind>(kind: K) {
  return <Q, QI, R, RI>(request: Message<Q, QI>, response: Message<R, RI>): Method<K, Q, QI, R, RI> => ({
    kind,
    request,
    response,
  });
}

export const unary = method('unary');
export const serverStream = method('server-stream');
export const clientStream = method('client-stream');
export const bidirectional = method('bidirectional');

/** A service as a table: server's handlers and client's methods have their types from it. */
export function service<M extends Readonly<Record<string, Method>>>(name: string, methods: M): Service<M> {
  return { name, methods };
}

/** The path that HTTP/2 asks for: `/moby.buildkit.v1.Control/Solve`. Sessions list what they offer in this form. */
export function methodPath(service: Service, method: string): string {
  return `/${service.name}/${method}`;
}
