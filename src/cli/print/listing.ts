import { fail, messageOf } from '#std/errors';
import type { Template } from '../template/index.ts';
import { alignColumns } from './columns.ts';

/** A field of a listing: its heading in a table, and what it is for a row: a text, or a truth that templates may ask. */
export interface Field<T> {
  readonly heading: string;
  readonly text: (row: T) => string | boolean;
}

/** What is listed: its fields by the names that templates use, and the columns of the plain table. */
export interface Listing<T> {
  /** What Go calls the rows, for the message about a field that is not there. */
  readonly type: string;
  readonly fields: Readonly<Record<string, Field<T>>>;
  /** Template of the plain table, without the word `table`. */
  readonly table: string;
  /** Methods with arguments, by name: `{{.Label "key"}}`. */
  readonly methods?: Readonly<Record<string, (row: T, ...values: unknown[]) => unknown>>;
  /** Fields left out of `json`, where docker has none for them. */
  readonly notInJson?: readonly string[];
}

/**
 * The template of names alone that every plain table is, for rows that have all of them; undefined for any other. Most
 * commands print nothing else, and so do not load what templates need.
 */
function namesAlone(source: string, fields: Readonly<Record<string, unknown>>): Template | undefined {
  const parts = source.split(/\{\{\.(\w+)\}\}/);
  const isPlain = parts.every((part, index) => (index % 2 === 1 ? Object.hasOwn(fields, part) : !part.includes('{{')));
  if (!isPlain) return undefined;
  return (data) =>
    parts.map((part, index) => (index % 2 === 1 ? String(Reflect.get(Object(data), part)) : part)).join('');
}

async function compile(source: string): Promise<Template> {
  const { compileTemplate } = await import('../template/index.ts');
  try {
    return compileTemplate(source);
  } catch (error) {
    throw fail('invalid-argument', `failed to parse template: ${messageOf(error)}`, error);
  }
}

/** Only what the template names is worked out: some fields cost more than all others together. */
function rowData<T>(listing: Listing<T>, row: T): object {
  const data = {};
  for (const [name, field] of Object.entries(listing.fields)) {
    Object.defineProperty(data, name, { enumerable: true, get: () => field.text(row) });
  }
  for (const [name, method] of Object.entries(listing.methods ?? {})) {
    Object.defineProperty(data, name, { enumerable: false, value: (...values: unknown[]) => method(row, ...values) });
  }
  return data;
}

/** Rows as plain records of texts, for a template that has several listings. */
export function listingRows<T>(listing: Listing<T>, rows: readonly T[]): Record<string, unknown>[] {
  return rows.map((row) => JSON.parse(jsonRow(listing, row)) as Record<string, unknown>);
}

/** A row as `--format json` prints it: fields sorted by name. */
function jsonRow<T>(listing: Listing<T>, row: T): string {
  const names = Object.keys(listing.fields)
    .filter((name) => listing.notInJson?.includes(name) !== true)
    .sort();
  return JSON.stringify(Object.fromEntries(names.map((name) => [name, listing.fields[name]?.text(row) ?? ''])));
}

/**
 * Prints rows in a format as `--format` takes it: empty or `table` (the plain table), `table TEMPLATE`, `json`, or a
 * template for each row.
 * @throws `invalid-argument` for a template that is none or names a field that is not there
 */
export async function printListing<T>(listing: Listing<T>, rows: readonly T[], format = ''): Promise<string> {
  const source = format === '' ? 'table' : format;
  if (source === 'json') return rows.map((row) => `${jsonRow(listing, row)}\n`).join('');
  const isTable = source === 'table' || /^table\s/.test(source);
  const given = source === 'table' ? listing.table : source.replace(/^table\s+/, '');
  const text = given.replaceAll('\\t', '\t').replaceAll('\\n', '\n');
  const template = namesAlone(text, listing.fields) ?? (await compile(text));
  const missingField = (field: string): string => `can't evaluate field ${field} in type *formatter.${listing.type}`;
  const render = (data: object): string => {
    try {
      return template(data, { missingField });
    } catch (error) {
      throw fail('invalid-argument', `failed to execute template: ${messageOf(error)}`, error);
    }
  };
  const lines = rows.map((row) => render(rowData(listing, row)));
  if (!isTable) return lines.map((line) => `${line}\n`).join('');
  return alignColumns([render(headings(listing)), ...lines]);
}

function headings<T>(listing: Listing<T>): object {
  const names: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(listing.fields)) names[name] = field.heading;
  for (const name of Object.keys(listing.methods ?? {})) names[name] = (value: unknown) => String(value ?? '');
  return names;
}
