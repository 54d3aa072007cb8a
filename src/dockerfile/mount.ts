import { fail } from '#std/errors';
import { parseBoolean } from './directives.ts';
import { quoteGo } from './quote.ts';
import { didYouMean } from './suggest.ts';

const mountTypes = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'] as const;
const sharings = ['shared', 'private', 'locked'] as const;

/** What `RUN --mount=` says. */
export interface MountOptions {
  readonly type: (typeof mountTypes)[number];
  /** A stage, a named context or an image; empty for the build context. */
  readonly from: string;
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  readonly id: string;
  readonly sharing?: (typeof sharings)[number];
  readonly required: boolean;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Of a tmpfs; 0 for none. */
  readonly sizeBytes: number;
  /** The variable that holds a secret. */
  readonly env?: string;
}

type Draft = { -readonly [K in keyof MountOptions]: MountOptions[K] } & { isReadOnlyGiven?: boolean };
/** Puts the values of variables into one value. */
export type Expand = (text: string) => string;

const wrong = (message: string): Error => fail('invalid-argument', message);
const empty: MountOptions = {
  type: 'bind',
  from: '',
  source: '',
  target: '',
  readOnly: true,
  id: '',
  required: false,
  sizeBytes: 0,
};

/** One record of comma-separated values, quoted as RFC 4180 says. Throws in Go's words. */
export function splitCsv(text: string, what: string): string[] {
  const at = (column: number, why: string): Error =>
    wrong(`failed to parse csv ${what}: parse error on line 1, column ${column}: ${why}`);
  const line = text.split('\n', 1)[0] ?? '';
  if (line === '') throw wrong(`failed to parse csv ${what}: EOF`);
  const fields: string[] = [];
  for (let index = 0; ; index++) {
    if (line[index] === '"') {
      let field = '';
      for (index++; ; index++) {
        if (index >= line.length) throw at(line.length + 1, 'extraneous or missing " in quoted-field');
        if (line[index] !== '"') field += line[index];
        else if (line[index + 1] === '"') field += line[++index];
        else break;
      }
      fields.push(field);
      index++;
      if (index < line.length && line[index] !== ',') throw at(index, 'extraneous or missing " in quoted-field');
    } else {
      const comma = line.indexOf(',', index);
      const end = comma === -1 ? line.length : comma;
      const quote = line.slice(index, end).indexOf('"');
      if (quote !== -1) throw at(index + quote + 1, 'bare " in non-quoted-field');
      fields.push(line.slice(index, end));
      index = end;
    }
    if (index >= line.length) return fields;
  }
}

function oneOf<T extends string>(value: string, options: readonly T[], what: string): T {
  const found = options.find((option) => option === value.toLowerCase());
  if (found === undefined) {
    throw wrong(`unsupported ${what} ${quoteGo(value)}${didYouMean(value, options, true)}`);
  }
  return found;
}

function booleanOf(key: string, value: string): boolean {
  const parsed = parseBoolean(value);
  if (parsed === undefined) throw wrong(`invalid value for ${key}: ${value}`);
  return parsed;
}

function numberOf(key: string, value: string, base: 8 | 10): number {
  const isValid = (base === 8 ? /^[0-7]+$/ : /^\d+$/).test(value);
  const parsed = Number.parseInt(value, base);
  if (!isValid || parsed > 0xffff_ffff) throw wrong(`invalid value ${value} for ${key}`);
  return parsed;
}

/** Bytes as people write them (`10m`, `1.5 GiB`): every unit is binary. */
function bytesOf(value: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?) ?(?:([kmgtp]?)(?:i?b)?)$/i.exec(value) ?? [];
  if (number === undefined) throw wrong(`invalid value for size: ${value}`);
  return Math.trunc(Number(number) * 1024 ** ['', 'k', 'm', 'g', 't', 'p'].indexOf(unit.toLowerCase()));
}

const requireType = (draft: Draft, key: string, ...types: readonly string[]): void => {
  if (!types.includes(draft.type)) throw wrong(`unexpected key '${key}' for mount type '${draft.type}'`);
};

/** What each key does with its value. */
const setters: Readonly<Record<string, (draft: Draft, value: string, key: string) => void>> = {
  type: (draft, value) => {
    draft.type = oneOf(value, mountTypes, 'mount type');
  },
  from: (draft, value) => {
    draft.from = value;
  },
  source: (draft, value) => {
    draft.source = value;
  },
  target: (draft, value) => {
    draft.target = value;
  },
  readonly: (draft, value, key) => {
    Object.assign(draft, { readOnly: booleanOf(key, value), isReadOnlyGiven: true });
  },
  readwrite: (draft, value, key) => {
    Object.assign(draft, { readOnly: !booleanOf(key, value), isReadOnlyGiven: true });
  },
  required: (draft, value, key) => {
    requireType(draft, key, 'secret', 'ssh');
    draft.required = booleanOf(key, value);
  },
  size: (draft, value, key) => {
    requireType(draft, key, 'tmpfs');
    draft.sizeBytes = bytesOf(value);
  },
  id: (draft, value) => {
    draft.id = value;
  },
  sharing: (draft, value) => {
    draft.sharing = oneOf(value, sharings, 'sharing value');
  },
  mode: (draft, value, key) => {
    draft.mode = numberOf(key, value, 8);
  },
  uid: (draft, value, key) => {
    draft.uid = numberOf(key, value, 10);
  },
  gid: (draft, value, key) => {
    draft.gid = numberOf(key, value, 10);
  },
  env: (draft, value) => {
    draft.env = value;
  },
};

const otherNames: Readonly<Record<string, string>> = {
  src: 'source',
  dst: 'target',
  destination: 'target',
  ro: 'readonly',
  rw: 'readwrite',
};
/** In the order in which a mistyped key is compared with them. */
const suggested =
  'type from source target readonly id sharing required size mode uid gid src dst destination ro rw readwrite env'.split(
    ' ',
  );

function validated({ isReadOnlyGiven, ...draft }: Draft): MountOptions {
  const { type, from, sharing, source, target, id } = draft;
  if (type === 'bind' || type === 'tmpfs') {
    for (const key of ['mode', 'uid', 'gid'] as const) {
      if (draft[key] !== undefined) throw wrong(`${key} not allowed for ${quoteGo(type)} type mounts`);
    }
  }
  if (type === 'secret') {
    if (from !== '') throw wrong('secret mount should not have a from');
    if (sharing !== undefined) throw wrong('secret mount should not define sharing');
    if (source === '' && target === '' && id === '') {
      throw wrong('invalid secret mount. one of source, target required');
    }
    if (source !== '' && id !== '') throw wrong("both source and id can't be set");
  }
  if (sharing !== undefined && type !== 'cache') throw wrong(`invalid cache sharing set for ${type} mount`);
  return isReadOnlyGiven === true ? draft : { ...draft, readOnly: type !== 'cache' && type !== 'tmpfs' };
}

/** Parses the value of `--mount` with variables put in by `expand`. Throws in BuildKit's words. */
export function parseMount(text: string, expand: Expand): MountOptions {
  const draft: Draft = { ...empty };
  for (const field of splitCsv(text, 'mounts')) {
    const split = field.indexOf('=');
    const key = (split === -1 ? field : field.slice(0, split)).toLowerCase();
    const name = otherNames[key] ?? key;
    if (split === -1 && !['readonly', 'readwrite', 'required'].includes(name)) {
      throw wrong(`invalid field '${field}' must be a key=value pair`);
    }
    const value = split === -1 ? 'true' : expand(field.slice(split + 1));
    const setter = Object.hasOwn(setters, name) ? setters[name] : undefined;
    if (setter === undefined) throw wrong(`unexpected key '${key}' in '${field}'${didYouMean(key, suggested, true)}`);
    setter(draft, value, key);
  }
  return validated(draft);
}

/**
 * What of a mount is known before variables are: where it is from, which decides the order of stages. The rest comes with
 * `parseMount`.
 */
export function parseMountFrom(text: string): MountOptions {
  let from = '';
  for (const field of splitCsv(text, 'mounts')) {
    const [, key = '', value = ''] = /^([^=]*)=([\s\S]*)$/.exec(field) ?? [];
    if (key.toLowerCase() !== 'from') continue;
    if (/\$./.test(value)) {
      throw wrong("'from' doesn't support variable expansion, define alias stage instead");
    }
    from = value;
  }
  return { ...empty, from };
}
