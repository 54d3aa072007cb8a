import { fail } from '#std/errors';

/** What a value names, for completion by the shell. */
export type NamedKind =
  | 'container'
  | 'running-container'
  | 'paused-container'
  | 'stopped-container'
  /** A path in a container, `web:/etc`, or one of ours. */
  | 'container-path'
  | 'image'
  | 'volume'
  /** A volume or a folder, as `--volume` has it. */
  | 'volume-source'
  | 'volume-driver'
  | 'network'
  | 'network-driver'
  /** A network, or `container:NAME`. */
  | 'network-mode'
  | 'object'
  | 'log-driver'
  | 'runtime'
  | 'context'
  | 'file'
  | 'directory'
  | 'signal'
  | 'none';

/** A list of texts is the choice there is; `pairs` are the keys of `key=value`, and what the value of each names. */
export type ValueKind = NamedKind | readonly string[] | { readonly pairs: Readonly<Record<string, ValueKind>> };

/**
 * A flag of a command. `parse` gives its value from the text that followed it and the value it had before (a list
 * grows); it throws an Error whose message says what is wrong with the text.
 */
export interface Flag<T> {
  readonly short?: string;
  /** The word for its value in the help; a switch has none. */
  readonly type: string;
  readonly summary: string;
  readonly initial: T;
  /** A switch needs no value: `--rm` is `--rm=true`. */
  readonly isSwitch?: boolean;
  /** Accepted, but not in the help. */
  readonly hidden?: boolean;
  readonly completes?: ValueKind;
  /** The flag that stands in its place; docker says so whenever it is used. */
  readonly deprecatedFor?: string;
  /** Shown in the help as the value when it is not given. */
  readonly shownDefault?: string;
  parse(text: string, before: T): T;
}

export type FlagTable = Readonly<Record<string, Flag<unknown>>>;

/** The values of a table's flags, by their names. */
export type FlagValues<F extends FlagTable> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

type Extra = Partial<Pick<Flag<unknown>, 'short' | 'type' | 'hidden' | 'shownDefault' | 'completes' | 'deprecatedFor'>>;

const truths = new Map([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [text, false] as const),
]);

/** A flag that is on or off. */
export function toggle(summary: string, extra: Extra & { initial?: boolean } = {}): Flag<boolean> {
  return {
    type: '',
    summary,
    initial: false,
    isSwitch: true,
    ...(extra.initial === true ? { shownDefault: 'true' } : {}),
    ...extra,
    parse(text) {
      const value = truths.get(text);
      if (value === undefined) throw fail('invalid-argument', `strconv.ParseBool: parsing "${text}": invalid syntax`);
      return value;
    },
  };
}

/** A flag with a text; the last one given counts. */
export function text(summary: string, extra: Extra & { initial?: string } = {}): Flag<string> {
  return { type: 'string', summary, initial: '', ...extra, parse: (value) => value };
}

/** A flag that may be given several times; `check` throws for a text that can't be one, and may rewrite it. */
export function list(
  summary: string,
  extra: Extra = {},
  check: (value: string) => string = (value) => value,
): Flag<readonly string[]> {
  return { type: 'list', summary, initial: [], ...extra, parse: (value, before) => [...before, check(value)] };
}

/** A flag that may be given several times, each with texts between commas. */
export function strings(summary: string, extra: Extra = {}): Flag<readonly string[]> {
  return {
    type: 'strings',
    summary,
    initial: [],
    ...extra,
    parse: (value, before) => [...before, ...(value === '' ? [] : value.split(','))],
  };
}

const int64Max = 2n ** 63n - 1n;

/** A flag with a whole number; `initial` undefined tells apart what was not given. */
export function integer(summary: string, extra: Extra & { initial?: number } = {}): Flag<number | undefined> {
  return {
    type: 'int',
    summary,
    initial: undefined,
    ...extra,
    parse(value) {
      if (!/^[+-]?\d+$/.test(value))
        throw fail('invalid-argument', `strconv.ParseInt: parsing "${value}": invalid syntax`);
      const number = BigInt(value.replace(/^\+/, ''));
      if (number > int64Max || number < -int64Max - 1n) {
        throw fail('invalid-argument', `strconv.ParseInt: parsing "${value}": value out of range`);
      }
      return Number(value);
    },
  };
}

/** The same for a number that is not negative. */
export function unsigned(summary: string, extra: Extra = {}): Flag<number | undefined> {
  return {
    type: 'uint',
    summary,
    initial: undefined,
    ...extra,
    parse(value) {
      if (!/^\d+$/.test(value)) throw fail('invalid-argument', `strconv.ParseUint: parsing "${value}": invalid syntax`);
      return Number(value);
    },
  };
}
