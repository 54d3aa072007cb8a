import { type ErrorKind, EstibaError, errorKinds, kindOf, messageOf } from '#std/errors';
import { log } from '#std/log';

/** The error codes of the distribution specification ("Error codes"), and the kind of each. */
const codes = {
  BLOB_UNKNOWN: 'not-found',
  BLOB_UPLOAD_INVALID: 'invalid-argument',
  BLOB_UPLOAD_UNKNOWN: 'not-found',
  DENIED: 'forbidden',
  DIGEST_INVALID: 'invalid-argument',
  MANIFEST_BLOB_UNKNOWN: 'not-found',
  MANIFEST_INVALID: 'invalid-argument',
  MANIFEST_UNKNOWN: 'not-found',
  NAME_INVALID: 'invalid-argument',
  NAME_UNKNOWN: 'not-found',
  PAGINATION_NUMBER_INVALID: 'invalid-argument',
  RANGE_INVALID: 'invalid-argument',
  SIZE_INVALID: 'invalid-argument',
  TAG_INVALID: 'invalid-argument',
  TOOMANYREQUESTS: 'unavailable',
  UNAUTHORIZED: 'unauthorized',
  UNAVAILABLE: 'unavailable',
  UNKNOWN: 'internal',
  UNSUPPORTED: 'not-implemented',
} as const satisfies Record<string, ErrorKind>;

export type FailureCode = keyof typeof codes;

/** Statuses that the specification asks for where a kind has another. */
const statuses: Partial<Record<FailureCode, number>> = { RANGE_INVALID: 416, UNSUPPORTED: 405, TOOMANYREQUESTS: 429 };

/** The codes of what was thrown by who knows nothing of codes. */
const codeOf: Partial<Record<ErrorKind, FailureCode>> = {
  unauthorized: 'UNAUTHORIZED',
  forbidden: 'DENIED',
  unavailable: 'UNAVAILABLE',
};

interface FailureOptions {
  readonly detail?: unknown;
  /** In place of the code's own. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a client is told in the specification's form. */
export class RegistryFailure extends EstibaError {
  readonly status: number;
  readonly detail: unknown;
  readonly headers: Readonly<Record<string, string>>;
  constructor(
    readonly code: FailureCode,
    message: string,
    { detail, status, headers = {} }: FailureOptions = {},
  ) {
    super(codes[code], message);
    this.status = status ?? statuses[code] ?? errorKinds[codes[code]].status;
    this.detail = detail;
    this.headers = headers;
  }
}

/** Shorthand for use behind `throw`. */
export function refuse(code: FailureCode, message: string, options?: FailureOptions): RegistryFailure {
  return new RegistryFailure(code, message, options);
}

/** The answer for any thrown value; what is nobody's but ours is logged, and told without its particulars. */
export function failureResponse(error: unknown): Response {
  if (error instanceof RegistryFailure) {
    const { code, message, detail, status, headers } = error;
    return Response.json(
      { errors: [{ code, message, ...(detail === undefined ? {} : { detail }) }] },
      { status, headers },
    );
  }
  const kind = kindOf(error);
  const isOurs = kind === 'internal' || kind === 'exhausted';
  if (isOurs) log('error', 'a request failed', { error: messageOf(error) });
  const message = kind === 'exhausted' ? 'no space left on the registry' : isOurs ? 'unknown error' : messageOf(error);
  const code: FailureCode = codeOf[kind] ?? 'UNKNOWN';
  return Response.json({ errors: [{ code, message }] }, { status: errorKinds[kind].status });
}
