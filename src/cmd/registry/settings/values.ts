import { readFileSync } from 'node:fs';
import { parseDurationNs } from '#std/duration';
import { fail, messageOf } from '#std/errors';
import { allSettings, type Setting, type SettingKind } from './table.ts';

/** Shorthand for use behind `throw`. */
export function refuse(message: string): Error {
  return fail('invalid-argument', message);
}

export type Mapping = Readonly<Record<string, unknown>>;

/** Whether a value of YAML is a mapping. */
export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a value of YAML is a list of texts. */
export function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** Throws for a key that means nothing here: what is misspelt must not be a setting that is silently missing. */
export function checkKeys(value: Mapping, known: readonly string[], where: string): void {
  const unknown = Object.keys(value).filter((key) => !known.includes(key));
  if (unknown.length > 0) throw refuse(`${where}: unknown key ${unknown.join(', ')}; there are ${known.join(', ')}`);
}

/** Reads a YAML file that is a mapping. */
export function readMapping(path: string): Mapping {
  const value = Bun.YAML.parse(readFileSync(path, 'utf8')) ?? {};
  if (!isMapping(value)) throw refuse('it is no mapping');
  return value;
}

/** What the file may have for a setting of each kind, and how to say so. */
const forms: Readonly<Record<SettingKind, readonly [fits: (value: unknown) => boolean, form: string]>> = {
  text: [(value) => typeof value === 'string', 'a text'],
  file: [(value) => typeof value === 'string', 'the path of a file'],
  duration: [(value) => typeof value === 'string' || value === 0, 'a duration (24h, 30m)'],
  switch: [(value) => typeof value === 'boolean', 'true or false'],
  list: [isTexts, 'a list of texts'],
  rules: [(value) => typeof value === 'string' || Array.isArray(value), 'a list of rules, or the path of a file'],
  credentials: [(value) => typeof value === 'string' || isMapping(value), 'a mapping, or the path of a file'],
  retention: [
    (value) => Array.isArray(value) && value.every((item) => typeof item === 'string' || isMapping(item)),
    'a list of rules',
  ],
  groups: [(value) => isMapping(value) && Object.values(value).every(isTexts), 'lists of users by name'],
};

function valuesOfFile(path: string, flags: ReadonlyMap<string, unknown>): Map<string, unknown> {
  const settings = new Map(allSettings.filter(({ only }) => only !== 'flag').map((setting) => [setting.name, setting]));
  const found = readMapping(path);
  checkKeys(found, [...settings.keys()], 'settings');
  const twice = Object.keys(found).filter((name) => flags.has(name));
  if (twice.length > 0) throw refuse(`${twice.join(', ')}: given both as a flag and in the file`);
  const entries = Object.entries(found).filter(([, value]) => value !== null);
  for (const [name, value] of entries) {
    const [fits, form] = forms[settings.get(name)?.kind ?? 'text'];
    if (!fits(value)) throw refuse(`${name} must be ${form}`);
  }
  return new Map(entries.map(([name, value]) => [name, value === 0 ? '0' : value]));
}

/** What is set, by flags and in the file. */
export class Values {
  readonly #values: ReadonlyMap<string, unknown>;

  constructor(values: ReadonlyMap<string, unknown>) {
    this.#values = values;
  }

  /** As it was given; undefined for what was not. */
  raw(name: string): unknown {
    return this.#values.get(name);
  }

  /** Undefined for one that is empty too; what the table says of a missing one holds for it. */
  text(name: string): string | undefined {
    const value = this.#values.get(name);
    const { missing } = allSettings.find((setting) => setting.name === name) ?? ({} as Partial<Setting>);
    return typeof value === 'string' && value !== '' ? value : missing;
  }

  isOn(name: string): boolean {
    return this.#values.get(name) === true;
  }

  list(name: string): readonly unknown[] {
    const value = this.#values.get(name);
    return Array.isArray(value) ? value : [];
  }

  /** In milliseconds. */
  duration(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const ns = parseDurationNs(text);
    if (ns === undefined || ns < 0) throw refuse(`${name}: ${text} is no duration (24h, 30m)`);
    return Math.round(ns / 1e6);
  }

  /** Settings that SIGHUP does not apply, and that have another value there. */
  fixedChanges(other: Values): string[] {
    return allSettings
      .filter(({ name, reloads }) => !reloads && JSON.stringify(this.raw(name)) !== JSON.stringify(other.raw(name)))
      .map(({ name }) => name);
  }
}

/** Reads what the command line gives, and the file that it names. Throws `invalid-argument`, naming the place. */
export function readValues(flags: Mapping, given: ReadonlySet<string>): Values {
  const ofFlags = new Map(Object.entries(flags).filter(([name]) => given.has(name)));
  const path = ofFlags.get('config');
  if (typeof path !== 'string' || path === '') return new Values(ofFlags);
  try {
    return new Values(new Map([...valuesOfFile(path, ofFlags), ...ofFlags]));
  } catch (error) {
    throw refuse(`--config ${path}: ${messageOf(error)}`);
  }
}
