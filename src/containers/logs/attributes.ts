import type { ContainerRecord } from '../record.ts';
import { badOption, type LogDriverOptions } from './option-values.ts';
import { tagOf } from './tag.ts';

/** Whether a group that is repeated holds a repetition or a choice of its own: `(a+)+`. */
function nestsRepetition(pattern: string): boolean {
  // For each open group, whether something in it is repeated or chosen from.
  const groups = [false];
  const plain = pattern.replace(/\\./g, '_').replace(/\[\^?\]?[^\]]*\]/g, '_');
  for (const [index, character] of [...plain].entries()) {
    if (character === '(') groups.push(false);
    else if (character === ')') {
      const inner = groups.pop() === true;
      if (inner && '*+{'.includes(plain[index + 1] ?? ' ')) return true;
      if (inner) groups[groups.length - 1] = true;
    } else if ('*+?{|'.includes(character)) groups[groups.length - 1] = true;
  }
  return false;
}

/**
 * A regular expression as a user gives it. Of what JavaScript knows and Go's linear-time expressions do not, nothing is taken,
 * and no repetition of what is repeated inside: its time would grow beyond all bounds, and the engine has others to serve.
 */
function expression(pattern: string): RegExp {
  if (/\\[1-9k]|\(\?<?[=!]/.test(pattern))
    throw badOption(`error parsing regexp: invalid or unsupported Perl syntax: \`${pattern}\``);
  if (nestsRepetition(pattern))
    throw badOption(`error parsing regexp: nested repetition is not supported: \`${pattern}\``);
  try {
    return new RegExp(pattern, 'u');
  } catch {
    throw badOption(`error parsing regexp: \`${pattern}\``);
  }
}

/** Throws when an expression among the options is none. */
export function checkExpressions(options: LogDriverOptions): void {
  for (const key of ['labels-regex', 'env-regex']) if (options[key]) expression(options[key]);
}

function environmentOf({ config }: ContainerRecord): Map<string, string> {
  return new Map(
    (config.Env ?? []).flatMap((entry) => {
      const equals = entry.indexOf('=');
      return equals > 0 ? [[entry.slice(0, equals), entry.slice(equals + 1)] as const] : [];
    }),
  );
}

/** The labels and variables of a container that its lines carry, by name. */
export function extraAttributes(record: ContainerRecord, options: LogDriverOptions): Map<string, string> {
  const found = new Map<string, string>();
  const sources = { labels: new Map(Object.entries(record.config.Labels ?? {})), env: environmentOf(record) };
  for (const [option, values] of Object.entries(sources)) {
    for (const key of (options[option] ?? '').split(',')) {
      const value = values.get(key);
      if (value !== undefined) found.set(key, value);
    }
    const pattern = options[`${option}-regex`];
    const matcher = pattern ? expression(pattern) : undefined;
    for (const [key, value] of values) if (matcher?.test(key)) found.set(key, value);
  }
  return found;
}

/** JSON as Go writes it: safe within HTML. */
function encodeJson(value: object): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The JSON of what each line of a json-file log carries; undefined for nothing. */
export function jsonAttributes(record: ContainerRecord, options: LogDriverOptions): string | undefined {
  const attributes = extraAttributes(record, options);
  if (options.tag) attributes.set('tag', tagOf(record, options.tag));
  if (attributes.size === 0) return undefined;
  const sorted = [...attributes].sort(([first], [second]) => (first < second ? -1 : 1));
  return encodeJson(Object.fromEntries(sorted));
}
