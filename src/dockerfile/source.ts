import { EstibaError } from '#std/errors';

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
  constructor(
    message: string,
    readonly lines: readonly LineRange[] = [],
  ) {
    super('invalid-argument', message);
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

/** How many lines around the marked ones an excerpt shows at least. */
const contextLines = 4;

/**
 * The lines of a source that ranges are about, as BuildKit's clients print them: marked with `>>>`, with some lines around;
 * `name` and the first line at the top. Empty when the ranges are not in the source.
 */
export function excerpt(name: string, text: string, ranges: readonly LineRange[]): string {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  const [first] = ranges;
  if (first === undefined || first.first > lines.length || first.first < 1) return '';
  const isMarked = (line: number): boolean => ranges.some((range) => line >= range.first && line <= range.last);
  let start = first.first;
  let end = Math.min(first.last, lines.length);
  const wanted = Math.max(end - start + 1, contextLines);
  // Grown by turns below and above, as far as there are lines.
  for (let turn = 0; end - start + 1 < wanted + 1 && turn < 2 * wanted; turn++) {
    if (turn % 2 === 0 && end < lines.length) end++;
    else if (turn % 2 === 1 && start > 1) start--;
  }
  const body = lines
    .slice(start - 1, end)
    .map((line, index) => `${String(start + index).padStart(4)} | ${isMarked(start + index) ? '>>>' : '   '} ${line}`);
  const rule = '-'.repeat(20);
  return [`${name}:${first.first}`, rule, ...body, rule, ''].join('\n');
}
