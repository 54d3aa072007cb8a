import { type ErrorKind, EstibaError } from '#std/errors';

/** A place in a Dockerfile: lines and columns count from 1, columns in UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** From the first character to the one behind the last. */
export interface Range {
  readonly start: Position;
  readonly end: Position;
}

/** Whole lines, both ends included: what BuildKit's errors and warnings point at. */
export interface LineRange {
  readonly first: number;
  readonly last: number;
}

/** An error in a Dockerfile, in BuildKit's words, and the lines that it is about (none when it is about all of it). */
export class DockerfileError extends EstibaError {
  /** The file that the lines are of, for who shows them; set by who has read it. */
  source?: { readonly fileName: string; readonly text: string };

  constructor(
    message: string,
    readonly lines: readonly LineRange[] = [],
    { kind = 'invalid-argument', cause }: { readonly kind?: ErrorKind; readonly cause?: unknown } = {},
  ) {
    super(kind, message, cause === undefined ? undefined : { cause });
  }
}

/** Runs a step; what goes wrong in it is said to be on these lines, unless it says so itself. */
export function onLines<T>(lines: LineRange, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof EstibaError) || (error instanceof DockerfileError && error.lines.length > 0)) throw error;
    throw new DockerfileError(error.message, [lines]);
  }
}

/**
 * The lines of a source that ranges are about, as BuildKit's clients print them: marked with `>>>`, with some lines around;
 * `name` and the first line at the top. Empty when the ranges are not in the source.
 */
export function excerpt(name: string, text: string, ranges: readonly LineRange[]): string {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  const first = Math.min(...ranges.map((range) => range.first));
  if (ranges.length === 0 || first > lines.length || first < 1) return '';
  const isMarked = (line: number): boolean => ranges.some((range) => line >= range.first && line <= range.last);
  let start = first;
  let end = Math.min(Math.max(...ranges.map((range) => range.last)), lines.length);
  // Both sides grow by turns; a turn counts by itself too, so that little is shown at the ends of a file.
  const wanted = start === end ? 4 : 2;
  for (let grown = 0; grown < wanted; grown++) {
    if (start > 1) {
      start--;
      grown++;
    }
    if (end < lines.length) {
      end++;
      grown++;
    }
  }
  const body = lines
    .slice(start - 1, end)
    .map((line, index) => `${String(start + index).padStart(4)} | ${isMarked(start + index) ? '>>>' : '   '} ${line}`);
  const rule = '-'.repeat(20);
  return [`${name}:${first}`, rule, ...body, rule, ''].join('\n');
}
