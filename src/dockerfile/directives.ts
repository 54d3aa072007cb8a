import { fail } from '#std/errors';
import { quoteGo } from './quote.ts';
import { DockerfileError } from './source.ts';

/** The directives at the top of a Dockerfile (`# name=value`); each may stand once, in any order. */
export interface Directives {
  /** The frontend that the file asks for, and what follows it on the line. */
  readonly syntax?: string;
  readonly escape: string;
  /** Options of the checks, as they are written. */
  readonly check?: string;
  /** How many lines at the top are theirs. */
  readonly lineCount: number;
}

/** What `# check=` says: rules left out (`all` of them), and whether a warning fails the build. */
export interface CheckOptions {
  readonly skipAll: boolean;
  readonly skip: ReadonlySet<string>;
  /** Rules that are off unless they are asked for. */
  readonly experimentalAll: boolean;
  readonly experimental: ReadonlySet<string>;
  readonly failOnWarning: boolean;
}

const pattern = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S(?:.*\S)?)\s*$/;

/** Reads the directives; `lines` are those of the file without their ends. A line that is none ends them. */
export function readDirectives(lines: readonly string[]): Directives {
  const found = new Map<string, string>();
  let lineCount = 0;
  for (const [index, line] of lines.entries()) {
    if (index === 0 && line.startsWith('#!')) continue;
    const [, name = '', value = ''] = pattern.exec(line.trimStart()) ?? [];
    const key = name.toLowerCase();
    if (!['syntax', 'escape', 'check'].includes(key)) break;
    const at = [{ first: index + 1, last: index + 1 }];
    if (found.has(key)) throw new DockerfileError(`only one ${key} parser directive can be used`, at);
    if (key === 'escape' && value !== '\\' && value !== '`') {
      throw new DockerfileError(`invalid escape token '${value}' does not match \` or \\`, at);
    }
    found.set(key, value);
    lineCount = index + 1;
  }
  const syntax = found.get('syntax');
  const check = found.get('check');
  return {
    escape: found.get('escape') ?? '\\',
    lineCount,
    ...(syntax !== undefined && { syntax }),
    ...(check !== undefined && { check }),
  };
}

const booleans: Readonly<Record<string, boolean>> = Object.fromEntries([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((word) => [word, true]),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((word) => [word, false]),
]);

/** A boolean as Go writes it; undefined when it is none. */
export function parseBoolean(text: string): boolean | undefined {
  return Object.hasOwn(booleans, text) ? booleans[text] : undefined;
}

/** Parses the value of `# check=` (`skip=A,B;error=true`). */
export function parseCheckOptions(text = ''): CheckOptions {
  const lists = { skip: new Set<string>(), experimental: new Set<string>() };
  const all = { skip: false, experimental: false };
  let failOnWarning = false;
  const wrong = (what: string): Error => fail('invalid-argument', `failed to parse check options: ${what}`);
  for (const part of text.trim() === '' ? [] : text.trim().split(';')) {
    const split = part.indexOf('=');
    if (split === -1) throw wrong(`invalid check option ${quoteGo(part)}`);
    const key = part.slice(0, split).trim();
    const value = part.slice(split + 1).trim();
    if (key === 'skip' || key === 'experimental') {
      if (value === 'all') all[key] = true;
      else lists[key] = new Set(value.split(',').map((rule) => rule.trim()));
    } else if (key === 'error') {
      const parsed = parseBoolean(value);
      if (parsed === undefined) {
        const why = `strconv.ParseBool: parsing ${quoteGo(value)}: invalid syntax`;
        throw wrong(`failed to parse check option ${quoteGo(part)}: ${why}`);
      }
      failOnWarning = parsed;
    } else throw wrong(`invalid check option ${quoteGo(key)}`);
  }
  return { skipAll: all.skip, experimentalAll: all.experimental, ...lists, failOnWarning };
}

/** `docker/dockerfile` and its other home, at version 1 of any channel. */
const builtIn =
  /^(?:(?:docker\.io\/)?docker\/(?:dockerfile|dockerfile-upstream))(?::(?:1(?:\.\d+){0,2}(?:-\w+)*|latest|master|labs|master-labs))?(?:@sha256:[0-9a-f]{64})?$/;

/**
 * Checks that a `# syntax=` names a frontend that is built in: images of others are not run. Throws `not-implemented`, which
 * names the image, when it does not.
 */
export function requireBuiltInSyntax(syntax: string | undefined): void {
  const [image = ''] = (syntax ?? '').split(' ');
  if (image === '' || builtIn.test(image)) return;
  throw fail(
    'not-implemented',
    `frontend image ${quoteGo(image)} is not supported: only docker/dockerfile:1 is, built in`,
  );
}
