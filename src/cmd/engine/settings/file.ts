import { readFileSync } from 'node:fs';
import { fail, messageOf } from '#std/errors';
import { nameOf } from './flags.ts';
import { refusedSettings } from './refused.ts';
import { allSettings } from './table.ts';
import { type Value, valueFromFile } from './values.ts';

const byKey = new Map(allSettings.flatMap((setting) => (setting.key === undefined ? [] : [[setting.key, setting]])));

function parse(text: string): Readonly<Record<string, unknown>> {
  if (text.trim() === '') return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw fail('invalid-argument', `invalid JSON: ${messageOf(error)}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw fail('invalid-argument', 'invalid JSON: it is no object');
  }
  return parsed as Readonly<Record<string, unknown>>;
}

/** A value as Go prints it, in the error about a setting that is given twice. */
function printed(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(printed).join(' ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  return `map[${Object.entries(value)
    .map(([name, item]) => `${name}:${printed(item)}`)
    .join(' ')}]`;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const reason = code === 'ENOENT' ? 'no such file or directory' : messageOf(error);
    throw fail('invalid-argument', `open ${path}: ${reason}`);
  }
}

function check(path: string, flags: ReadonlyMap<string, Value>): Map<string, Value> {
  const parsed = parse(readText(path));
  const unknown = Object.keys(parsed).filter((key) => !byKey.has(key) && !Object.hasOwn(refusedSettings, key));
  if (unknown.length > 0) {
    const what = "the following directives don't match any configuration option";
    throw fail('invalid-argument', `${what}: ${unknown.join(', ')}`);
  }
  const refused = Object.keys(parsed).filter((key) => Object.hasOwn(refusedSettings, key));
  if (refused.length > 0) {
    const reasons = refused.map((key) => `${key} (${refusedSettings[key]})`);
    throw fail('invalid-argument', `the following directives are not supported: ${reasons.join(', ')}`);
  }
  const values = new Map<string, Value>();
  for (const [key, value] of Object.entries(parsed)) {
    const setting = byKey.get(key);
    if (setting !== undefined && value !== null) values.set(nameOf(setting), valueFromFile(setting, key, value));
  }
  const twice = [...values].filter(([name]) => flags.has(name));
  if (twice.length > 0) {
    const list = twice.map(
      ([name, value]) => `${name}: (from flag: ${printed(flags.get(name))}, from file: ${printed(value)})`,
    );
    const what = 'the following directives are specified both as a flag and in the configuration file';
    throw fail('invalid-argument', `${what}: ${list.join(', ')}`);
  }
  return values;
}

/**
 * The settings that a daemon.json gives, by name. Throws `invalid-argument`, in dockerd's words where it has words, for what
 * it cannot give, and for what flags say too.
 */
export function readFile(path: string, flags: ReadonlyMap<string, Value>): Map<string, Value> {
  try {
    return check(path, flags);
  } catch (error) {
    throw fail('invalid-argument', `unable to configure the engine with file ${path}: ${messageOf(error)}`);
  }
}
