import { fail, messageOf } from '#std/errors';
import type { Template } from '../template/index.ts';
import { alignColumns } from './columns.ts';
import { escapedJson } from './json.ts';

/** A field of a listing: its heading in a table, and what it is for a row: a text, or a truth that templates may ask. */
export interface Field<T> {
  readonly heading: string;
  readonly text: (row: T) => string | boolean | null;
  /** In JSON, where that differs. */
  readonly json?: (row: T) => string;
}

/** What is listed: its fields by the names that templates use, and the columns of the plain table. */
export interface Listing<T> {
  /** What Go calls the rows, for the message about a field that is not there; of the package `formatter` where none is said. */
  readonly type: string;
  /** Docker looks into the templates of this one before it has rows, and has other words for what is wrong with them. */
  readonly isProbed?: boolean;
  readonly fields: Readonly<Record<string, Field<T>>>;
  /** Template of the plain table, without the word `table`. */
  readonly table: string;
  /** Methods with one argument, by name: `{{.Label "key"}}`. */
  readonly methods?: Readonly<Record<string, (row: T, argument: string) => string>>;
  /** Fields that the format `raw` prints, one a line, each with its name there; of quiet listings the first alone. */
  readonly raw?: readonly (readonly [name: string, template: string])[];
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

/** What is wrong with a template, in Docker's words. */
function templateFailure({ isProbed }: Listing<never>, did: 'parse' | 'execute', error: unknown): Error {
  const words = isProbed === true ? `failed to ${did} template` : 'template parsing error';
  return fail('invalid-argument', `${words}: ${messageOf(error)}`, error);
}

async function compile(source: string, listing: Listing<never>): Promise<Template> {
  const { compileTemplate } = await import('../template/index.ts');
  try {
    return compileTemplate(source);
  } catch (error) {
    throw templateFailure(listing, 'parse', error);
  }
}

/** Only what the template names is worked out: some fields cost more than all others together. */
async function rowData<T>(listing: Listing<T>, row: T): Promise<object> {
  const { asStruct, withJsonText } = await import('../template/values.ts');
  const data = {};
  const type = listing.type.includes('.') ? listing.type : `formatter.${listing.type}`;
  for (const [name, field] of Object.entries(listing.fields)) {
    Object.defineProperty(data, name, { enumerable: true, get: () => field.text(row) });
  }
  for (const [name, method] of Object.entries(listing.methods ?? {})) {
    const call = (argument: unknown): string => method(row, String(argument));
    Object.defineProperty(data, name, { enumerable: false, value: { parameters: 1, call } });
  }
  return withJsonText(asStruct(data, `*${type}`), () => jsonRow(listing, row));
}

/** Rows as plain records of texts, for a template that has several listings. */
export function listingRows<T>(listing: Listing<T>, rows: readonly T[]): Record<string, unknown>[] {
  return rows.map((row) => JSON.parse(jsonRow(listing, row)) as Record<string, unknown>);
}

/** A row as `--format json` prints it: fields sorted by name. */
function jsonRow<T>(listing: Listing<T>, row: T): string {
  const names = Object.keys(listing.fields).sort();
  const textOf = (field: Field<T> | undefined) => (field?.json ?? field?.text)?.(row);
  return escapedJson(Object.fromEntries(names.map((name) => [name, textOf(listing.fields[name])])));
}

/** The lines of the format `raw`, as a template. */
function rawTemplate<T>(listing: Listing<T>, quiet: boolean): string {
  const lines = (listing.raw ?? []).map(([name, template]) => `${name}: ${template}\n`);
  return (quiet ? lines.slice(0, 1) : lines).join('');
}

export interface ListingOptions {
  /** Only what identifies each row, where the format does not say otherwise. */
  readonly quiet?: boolean;
  /** Template of a quiet table; the ID when nothing is said. */
  readonly quietTable?: string;
}

/**
 * Prints rows in a format as `--format` takes it: empty or `table` (the plain table), `table TEMPLATE`, `json`, `raw`, or
 * a template for each row.
 * @throws `invalid-argument` for a template that is none or names a field that is not there
 */
export async function printListing<T>(
  listing: Listing<T>,
  rows: readonly T[],
  format = '',
  options: ListingOptions = {},
): Promise<string> {
  const { quiet = false, quietTable = '{{.ID}}' } = options;
  const source = format === '' ? 'table' : format;
  if (source === 'json') return rows.map((row) => `${jsonRow(listing, row)}\n`).join('');
  const plain = source === 'table';
  const isTable = source.startsWith('table') && !(plain && quiet);
  const isRaw = source === 'raw' && listing.raw !== undefined;
  const given = isRaw
    ? rawTemplate(listing, quiet)
    : plain
      ? quiet
        ? quietTable
        : listing.table
      : source.replace(/^table/, '').trim();
  const text = given.replaceAll('\\t', '\t').replaceAll('\\n', '\n');
  const alone = namesAlone(text, listing.fields);
  const lines = alone ? rows.map((row) => alone(plainRow(listing, row))) : await renderRows(text, listing, rows);
  if (!isTable) return lines.map((line) => `${line}\n`).join('');
  return alignColumns([await headingLine(text, listing, alone), ...lines]);
}

/** A row for a template that does no more than print its fields. */
function plainRow<T>(listing: Listing<T>, row: T): object {
  return new Proxy({}, { get: (_, name) => listing.fields[String(name)]?.text(row) ?? '<nil>' });
}

async function renderRows<T>(text: string, listing: Listing<T>, rows: readonly T[]): Promise<string[]> {
  const template = await compile(text, listing);
  const lines: string[] = [];
  for (const row of rows) {
    try {
      lines.push(template(await rowData(listing, row)));
    } catch (error) {
      throw templateFailure(listing, 'execute', error);
    }
  }
  return lines;
}

/** The same template with headings in the place of values; one that cannot be made of them has an empty line. */
async function headingLine<T>(text: string, listing: Listing<T>, alone: Template | undefined): Promise<string> {
  const names: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(listing.fields)) names[name] = field.heading;
  if (alone) return alone(names);
  for (const name of Object.keys(listing.methods ?? {})) {
    names[name] = { parameters: 1, call: (argument: unknown) => String(argument) };
  }
  const template = await compile(text, listing);
  try {
    return template(names, { headings: true });
  } catch {
    return '';
  }
}
