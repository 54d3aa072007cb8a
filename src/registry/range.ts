/** Which bytes of something are asked for. */
export interface ByteRange {
  readonly start: number;
  /** The first that is not. */
  readonly end: number;
}

/**
 * The one range that a request asks for (RFC 9110 section 14.1.2, `FIRST-` and `FIRST-LAST`). Undefined for the whole, and for
 * what is not so simple.
 */
export function rangeOf(request: Request, sizeBytes: number): ByteRange | undefined {
  const [, first, last = ''] = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(request.headers.get('Range') ?? '') ?? [];
  const start = Number(first);
  const end = last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
  return first === undefined || start >= end ? undefined : { start, end };
}
