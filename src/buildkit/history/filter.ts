import { parseDurationNs } from '#std/duration';
import { fail } from '#std/errors';
import { nowNs, parseTime } from '#std/time';
import type { BuildRecord } from './record.ts';

const comparisons: Readonly<Record<string, (order: number) => boolean>> = {
  '<=': (order) => order <= 0,
  '>=': (order) => order >= 0,
  '==': (order) => order === 0,
  '!=': (order) => order !== 0,
  '=': (order) => order === 0,
  '<': (order) => order < 0,
  '>': (order) => order > 0,
};

function statusOf({ completedAt, error }: BuildRecord): string {
  if (completedAt === undefined) return 'running';
  if (error === undefined) return 'completed';
  return error.message.includes('context canceled') ? 'canceled' : 'error';
}

function durationNs(value: string): bigint {
  const ns = parseDurationNs(value);
  if (ns === undefined) throw fail('invalid-argument', `invalid duration ${JSON.stringify(value)}`);
  return BigInt(ns);
}

const nsOf = (text: string | undefined): bigint | undefined => (text === undefined ? undefined : parseTime(text));
/** A moment, or how long ago. */
const momentNs = (value: string): bigint => parseTime(value) ?? nowNs() - durationNs(value);

function order(a: bigint | undefined, b: bigint): number | undefined {
  return a === undefined ? undefined : Number(a > b) - Number(a < b);
}

/** What a record has of that name, compared with a value: negative, zero, positive; undefined when it has none. */
function compare(record: BuildRecord, name: string, value: string): number | undefined {
  const [created, completed] = [nsOf(record.createdAt), nsOf(record.completedAt)];
  const words: Readonly<Record<string, string>> = {
    ref: record.id,
    status: statusOf(record),
    repository: record.frontendAttributes['vcs:source'] ?? '',
  };
  const word = words[name];
  if (word !== undefined) return word < value ? -1 : Number(word > value);
  if (name === 'startedAt') return order(created, momentNs(value));
  if (name === 'completedAt') return order(completed, momentNs(value));
  if (name !== 'duration') throw fail('invalid-argument', `unknown filter ${name}`);
  return created === undefined || completed === undefined ? undefined : order(completed - created, durationNs(value));
}

/** Whether a record is one that is asked for: all conditions of one of the filters hold (`status==error,duration>1m`). */
export function matchesFilters(record: BuildRecord, filters: readonly string[]): boolean {
  const holds = (condition: string): boolean => {
    const [, name = '', operator = '', value = ''] = /^(\w+)(<=|>=|==|!=|=|<|>)(.*)$/s.exec(condition) ?? [];
    const test = comparisons[operator];
    if (test === undefined) throw fail('invalid-argument', `invalid filter ${JSON.stringify(condition)}`);
    const ordered = compare(record, name, value);
    return ordered !== undefined && test(ordered);
  };
  return filters.length === 0 || filters.some((filter) => filter.split(',').every(holds));
}
