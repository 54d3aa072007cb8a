import type { Database } from 'bun:sqlite';
import { canonicalDigest } from '../graph/canonical.ts';
import type { Vertex } from '../graph/vertex.ts';

/** What the key of a vertex was made of, as far as people would ask for it. */
export interface KeyParts {
  readonly key: string;
  /** Of an exec; empty else. */
  readonly environment: readonly string[];
  /** All else that is done. */
  readonly operation: string;
  /** By what people call it (`base image`, a step's name): the keys of inputs of which everything counts. */
  readonly bases: readonly (readonly [string, string])[];
  /** Of inputs whose files count: a digest, and short digests of the files where they are known, by path. */
  readonly contents: readonly { readonly name: string; readonly digest: string; readonly files?: FileDigests }[];
}

/** Short digests by path. */
export type FileDigests = Readonly<Record<string, string>>;

interface Noted extends KeyParts {
  readonly name: string;
  /** Of the Dockerfile, to tell one project from another. */
  readonly lines: readonly string[];
}

/** Why something is worked out: what was noted of it the last time, compared with what it is now. */
export interface Causes {
  explain(vertex: Vertex, parts: KeyParts): string;
  /** Remembers what it was made of. */
  note(vertex: Vertex, parts: KeyParts): void;
}

const namesMax = 3;
/** The oldest notes go when there are more. */
const notesMax = 5_000;

/** `[stage 2/5]` of a name. */
function placeOf(name: string): string {
  return /^\[[^\]]*\]/.exec(name)?.[0] ?? '';
}

function some(names: readonly string[], one: string, many: string): string {
  const shown = names.slice(0, namesMax).join(', ');
  const more = names.length > namesMax ? ` and ${names.length - namesMax} more` : '';
  return `${names.length === 1 ? one : many} ${shown}${more}`;
}

/** The name of `NAME=value`, or `NAME`. */
function nameOf(entry: string): string {
  return entry.split('=', 1)[0] ?? '';
}

function changedVariables(before: readonly string[], now: readonly string[]): string[] {
  const changed = [
    ...now.filter((entry) => !before.includes(entry)),
    ...before.filter((entry) => !now.includes(entry)),
  ];
  return [...new Set(changed.map(nameOf))];
}

/** Names that a Dockerfile's ARGs declare. */
function argumentNames({ origin }: Vertex): Set<string> {
  const lines = (origin?.text ?? '').replace(/[\\`]\r?\n/g, ' ').split('\n');
  return new Set(
    lines.flatMap((line) => {
      const [keyword = '', ...words] = line.trim().split(/\s+/);
      return keyword.toUpperCase() === 'ARG' ? words.map(nameOf) : [];
    }),
  );
}

function variableCauses(vertex: Vertex, before: Noted, now: KeyParts): string[] {
  const names = changedVariables(before.environment, now.environment);
  const declared = argumentNames(vertex);
  const groups = Map.groupBy(names, (name) => declared.has(name));
  const args = groups.get(true) ?? [];
  const others = groups.get(false) ?? [];
  return [
    ...(args.length > 0 ? [`${some(args, 'build argument', 'build arguments')} changed`] : []),
    ...(others.length > 0 ? [`${some(others, 'variable', 'variables')} changed`] : []),
  ];
}

function fileCauses(name: string, before?: FileDigests, now?: FileDigests): string[] {
  if (before === undefined || now === undefined) return [`files of ${name} changed`];
  const added = Object.keys(now).filter((path) => before[path] === undefined);
  const removed = Object.keys(before).filter((path) => now[path] === undefined);
  const changed = Object.keys(now).filter((path) => before[path] !== undefined && before[path] !== now[path]);
  const causes = [
    ...(changed.length > 0 ? [`${some(changed, 'file', 'files')} changed`] : []),
    ...(added.length > 0 ? [`${some(added, 'file', 'files')} added`] : []),
    ...(removed.length > 0 ? [`${some(removed, 'file', 'files')} removed`] : []),
  ];
  return causes.length > 0 ? causes : [`files of ${name} changed`];
}

function differences(vertex: Vertex, before: Noted, now: KeyParts): string[] {
  const causes: string[] = [];
  if (before.operation !== now.operation) {
    causes.push(
      before.name === vertex.name ? 'its options changed' : `the instruction changed (it was ${before.name})`,
    );
  }
  causes.push(...variableCauses(vertex, before, now));
  for (const [index, [name, key]] of now.bases.entries()) {
    if (before.bases[index]?.[1] !== key) causes.push(`${name} changed`);
  }
  for (const [index, { name, digest, files }] of now.contents.entries()) {
    const earlier = before.contents[index];
    if (earlier?.digest !== digest) causes.push(...fileCauses(name, earlier?.files, files));
  }
  return causes.length > 0 ? causes : ['it was made of other things'];
}

function isSameProject(before: Noted, vertex: Vertex): boolean {
  const lines = new Set(linesOf(vertex));
  const alike = before.lines.filter((line) => lines.has(line)).length;
  return before.lines.length > 0 && alike * 2 >= before.lines.length;
}

/** Short digests of a Dockerfile's lines. */
function linesOf({ origin }: Vertex): string[] {
  const lines = (origin?.text ?? '').split('\n').filter((line) => line.trim() !== '');
  return lines.slice(0, 200).map((line) => Bun.hash(line).toString(36));
}

/** Opens the notes: rows of their own, for they are read only when something is worked out. */
export function openCauses(database: Database): Causes {
  database.exec(
    'CREATE TABLE IF NOT EXISTS build_notes (position TEXT PRIMARY KEY, body BLOB NOT NULL, at INTEGER NOT NULL)',
  );
  const insert = database.query('INSERT OR REPLACE INTO build_notes (position, body, at) VALUES (?1, ?2, ?3)');
  const select = database.query<{ body: Uint8Array<ArrayBuffer> }, [string]>(
    'SELECT body FROM build_notes WHERE position = ?1',
  );
  const trim = database.query(
    'DELETE FROM build_notes WHERE position IN (SELECT position FROM build_notes ORDER BY at DESC LIMIT -1 OFFSET ?1)',
  );
  const exactly = ({ name, platform }: Vertex): string => canonicalDigest({ name, platform });
  const place = ({ name, platform }: Vertex): string => canonicalDigest({ place: placeOf(name), platform });

  function read(position: string): Noted | undefined {
    const row = select.get(position);
    return row === null ? undefined : (JSON.parse(Buffer.from(Bun.gunzipSync(row.body)).toString()) as Noted);
  }

  function earlier(vertex: Vertex): Noted | undefined {
    const same = read(exactly(vertex));
    if (same !== undefined || placeOf(vertex.name) === '') return same;
    const there = read(place(vertex));
    return there !== undefined && isSameProject(there, vertex) ? there : undefined;
  }

  return {
    explain(vertex, parts) {
      if (vertex.isUncached) return '--no-cache';
      const before = earlier(vertex);
      if (before === undefined) return 'never built before';
      if (before.key === parts.key) return 'its result was removed from the cache';
      return differences(vertex, before, parts).join('; ');
    },
    note(vertex, parts) {
      const noted: Noted = { ...parts, name: vertex.name, lines: linesOf(vertex) };
      const body = Bun.gzipSync(Buffer.from(JSON.stringify(noted)), { level: 1 });
      const at = Date.now();
      for (const position of new Set([exactly(vertex), place(vertex)])) insert.run(position, body, at);
      trim.run(notesMax);
    },
  };
}
