import { type ErrorKind, EstibaError, errorKinds, kindOf, messageOf } from '#std/errors';
import type { Any } from './status.ts';

/** gRPC's status codes (gRPC, "Status codes and their use in gRPC"), and what kind of error each is here. */
export const statusCodes = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  'invalid-argument': 3,
  'deadline-exceeded': 4,
  'not-found': 5,
  'already-exists': 6,
  'permission-denied': 7,
  'resource-exhausted': 8,
  'failed-precondition': 9,
  aborted: 10,
  'out-of-range': 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  'data-loss': 15,
  unauthenticated: 16,
} as const;

export type StatusName = keyof typeof statusCodes;

const kindOfStatus: Readonly<Record<number, ErrorKind>> = {
  1: 'cancelled',
  3: 'invalid-argument',
  4: 'unavailable',
  5: 'not-found',
  6: 'conflict',
  7: 'forbidden',
  8: 'exhausted',
  9: 'conflict',
  10: 'conflict',
  11: 'invalid-argument',
  12: 'not-implemented',
  14: 'unavailable',
  16: 'unauthorized',
};

/** What a call ends in when it fails: on the server to say more than a kind does, on the client what came over the wire. */
export class GrpcError extends EstibaError {
  constructor(
    readonly code: number,
    message: string,
    readonly details: readonly Any[] = [],
    options?: ErrorOptions,
  ) {
    super(kindOfStatus[code] ?? 'internal', message, options);
  }
}

/** Shorthand for a `GrpcError` by the name of its code, for use behind `throw`. */
export function failCall(status: StatusName, message: string): GrpcError {
  return new GrpcError(statusCodes[status], message);
}

/** How any thrown value is told to the other side; what is nobody's kind is `unknown`, as errors of Go are. */
export function statusOf(error: unknown): GrpcError {
  if (error instanceof GrpcError) return error;
  return new GrpcError(errorKinds[kindOf(error)].grpcCode, messageOf(error));
}
