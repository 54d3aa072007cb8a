import type { SQLQueryBindings } from 'bun:sqlite';
import type { Records } from '#store';

/** Prepared statements as functions: for one row, for all rows, and for a change (which gives the number of changed rows). */
export function statements({ database }: Records) {
  const one = <T>(sql: string) => {
    const statement = database.query<T, SQLQueryBindings[]>(sql);
    return (...values: SQLQueryBindings[]): T | undefined => statement.get(...values) ?? undefined;
  };
  const many = <T>(sql: string) => {
    const statement = database.query<T, SQLQueryBindings[]>(sql);
    return (...values: SQLQueryBindings[]): T[] => statement.all(...values);
  };
  const change = (sql: string) => {
    const statement = database.query<unknown, SQLQueryBindings[]>(sql);
    return (...values: SQLQueryBindings[]): number => statement.run(...values).changes;
  };
  return { one, many, change };
}
