import type { Filters } from '#api';
import { fail } from '#std/errors';
import { parseTime } from '#std/time';
import { decodeFilters } from './filters.ts';

const falseWords = new Set(['', '0', 'no', 'false', 'none']);

/** Decodes one `application/x-www-form-urlencoded` word; throws as Go's net/url does. */
function decodeWord(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  const wrong = /%(?![0-9a-fA-F]{2}).{0,2}/s.exec(spaced);
  if (wrong) throw fail('invalid-argument', `invalid URL escape ${JSON.stringify(wrong[0])}`);
  try {
    return decodeURIComponent(spaced);
  } catch {
    // Valid escapes, but no UTF-8: keep the bytes that are text, as Go's decoder would hand them on.
    return new TextDecoder().decode(Uint8Array.from(unescapeBytes(spaced)));
  }
}

function* unescapeBytes(text: string): Generator<number> {
  const bytes = new TextEncoder().encode(text);
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index] ?? 0;
    if (byte !== 0x25) {
      yield byte;
      continue;
    }
    yield Number.parseInt(String.fromCharCode(bytes[index + 1] ?? 0, bytes[index + 2] ?? 0), 16);
    index += 2;
  }
}

/** What is wrong with a decimal number, in Go's words; undefined when it is one that fits. */
function numberFault(text: string, minimum: bigint, maximum: bigint): string | undefined {
  if (!/^[+-]?\d+$/.test(text)) return 'invalid syntax';
  const value = BigInt(text.replace('+', ''));
  return value < minimum || value > maximum ? 'value out of range' : undefined;
}

/** The parameters of a request's query, each decoded as Docker decodes it. */
export class Query {
  readonly #values = new Map<string, string[]>();

  /** Parses the text behind `?`. Throws `invalid-argument` in Docker's words. */
  constructor(text: string) {
    for (const pair of text === '' ? [] : text.split('&')) {
      if (pair.includes(';')) throw fail('invalid-argument', 'invalid semicolon separator in query');
      if (pair === '') continue;
      const equals = pair.indexOf('=');
      const key = decodeWord(equals === -1 ? pair : pair.slice(0, equals));
      const value = equals === -1 ? '' : decodeWord(pair.slice(equals + 1));
      const values = this.#values.get(key);
      if (values === undefined) this.#values.set(key, [value]);
      else values.push(value);
    }
  }

  /** The first value; undefined when the parameter is missing or empty. */
  text(key: string): string | undefined {
    return this.#values.get(key)?.[0] || undefined;
  }

  /** Every value of a repeated parameter. */
  all(key: string): readonly string[] {
    return this.#values.get(key) ?? [];
  }

  /** Docker's booleans: everything is true but `0`, `no`, `false`, `none` and nothing. */
  flag(key: string, missing = false): boolean {
    const value = this.#values.get(key)?.[0];
    return value === undefined ? missing : !falseWords.has(value.trim().toLowerCase());
  }

  /** A whole number; undefined when missing. Throws `invalid-argument` in the words of Go's strconv. */
  integer(key: string): number | undefined {
    const value = this.text(key);
    if (value === undefined) return undefined;
    const fault = numberFault(value, -(2n ** 63n), 2n ** 63n - 1n);
    if (fault !== undefined) throw fail('invalid-argument', `strconv.Atoi: parsing ${JSON.stringify(value)}: ${fault}`);
    return Math.max(Math.min(Number(value), Number.MAX_SAFE_INTEGER), Number.MIN_SAFE_INTEGER);
  }

  /** A terminal's height or width: 32 bits without sign, needed. `what` names it in the error. */
  extent(key: string, what: string): number {
    const value = this.text(key) ?? '';
    const fault =
      /^[+-]/.test(value) && /^[+-]\d+$/.test(value) ? 'value out of range' : numberFault(value, 0n, 2n ** 32n - 1n);
    if (fault !== undefined) throw fail('invalid-argument', `invalid ${what} ${JSON.stringify(value)}: ${fault}`);
    return Number(value);
  }

  /** A time (RFC 3339, or Unix seconds with a fraction) in nanoseconds; undefined when missing. */
  timeNs(key: string): bigint | undefined {
    const value = this.text(key);
    if (value === undefined) return undefined;
    const time = parseTime(value);
    if (time === undefined) {
      throw fail('invalid-argument', `strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
    }
    return time;
  }

  /** The filters parameter; `accepted` names those the endpoint knows, undefined accepts all. */
  filters(accepted?: ReadonlySet<string>): Filters {
    return decodeFilters(this.text('filters'), accepted);
  }
}
