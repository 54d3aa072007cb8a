/**
 * The closed set of error kinds that Estiba knows, and the one table that maps each to what a caller sees:
 * the HTTP status of the Docker Engine API, the exit code of the CLI and the status of a gRPC call. Nothing else in the
 * code base decides a status.
 */
export const errorKinds = {
  'invalid-argument': { status: 400, exitCode: 125, grpcCode: 3 },
  unauthorized: { status: 401, exitCode: 125, grpcCode: 16 },
  forbidden: { status: 403, exitCode: 125, grpcCode: 7 },
  'not-found': { status: 404, exitCode: 125, grpcCode: 5 },
  'not-acceptable': { status: 406, exitCode: 125, grpcCode: 9 },
  conflict: { status: 409, exitCode: 125, grpcCode: 9 },
  'not-modified': { status: 304, exitCode: 0, grpcCode: 6 },
  'rate-limited': { status: 429, exitCode: 125, grpcCode: 8 },
  cancelled: { status: 499, exitCode: 130, grpcCode: 1 },
  exhausted: { status: 507, exitCode: 125, grpcCode: 8 },
  unavailable: { status: 503, exitCode: 125, grpcCode: 14 },
  'not-implemented': { status: 501, exitCode: 125, grpcCode: 12 },
  internal: { status: 500, exitCode: 1, grpcCode: 2 },
} as const satisfies Record<string, { status: number; exitCode: number; grpcCode: number }>;

export type ErrorKind = keyof typeof errorKinds;

/** An error meant for the caller: its message is shown as it stands, in Docker's words where Docker has words for it. */
export class EstibaError extends Error {
  override readonly name = 'EstibaError';
  constructor(
    readonly kind: ErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Shorthand for `new EstibaError(kind, message)`, for use behind `throw`. */
export function fail(kind: ErrorKind, message: string, cause?: unknown): EstibaError {
  return new EstibaError(kind, message, cause === undefined ? undefined : { cause });
}

/** How the file system and the database say that there is no room left. */
const noRoom: readonly unknown[] = ['ENOSPC', 'EDQUOT', 'SQLITE_FULL'];

/** The kind of any thrown value: its own when it is an EstibaError, `exhausted` for a full disk, else `internal`. */
export function kindOf(error: unknown): ErrorKind {
  if (error instanceof EstibaError) return error.kind;
  return error instanceof Error && 'code' in error && noRoom.includes(error.code) ? 'exhausted' : 'internal';
}

/** The kind that another process has named; `internal` for what is none. */
export function kindNamed(name: string | undefined): ErrorKind {
  return name !== undefined && Object.hasOwn(errorKinds, name) ? (name as ErrorKind) : 'internal';
}

/** The text of any thrown value, without a stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Runs every step, also when earlier ones failed, and throws one error that names all failures.
 * For teardown: half a clean-up is a leak.
 */
export async function runAll(steps: Iterable<() => void | Promise<void>>): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) {
    throw new EstibaError('internal', failures.map(messageOf).join('; '), { cause: failures });
  }
}
