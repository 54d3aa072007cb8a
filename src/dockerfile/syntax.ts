import { fail } from '#std/errors';
import { type Directives, readDirectives } from './directives.ts';
import { type Heredoc, type HeredocMark, heredocMarksIn } from './heredoc.ts';
import { DockerfileError, type LineRange, onLines, type Position, type Range } from './source.ts';
import { type Pair, splitBlanks, splitFlags, splitJson, splitPairs, splitQuoted, trimmed, type Word } from './words.ts';

/** One instruction as it is written, its words split as its keyword wants. */
export interface Node {
  /** As it is written, and in capitals. */
  readonly keyword: string;
  readonly name: string;
  readonly flags: readonly Word[];
  readonly words: readonly Word[];
  readonly pairs: readonly Pair[];
  /** Whether the words were a JSON array. */
  readonly isJson: boolean;
  /** What an ONBUILD holds. */
  readonly trigger?: Node;
  readonly heredocs: readonly Heredoc[];
  /** The lines joined, without comments. */
  readonly code: string;
  /** Comments right above. */
  readonly comments: readonly string[];
  readonly lines: LineRange;
  /** From the keyword to the last character; here-documents follow it. */
  readonly range: Range;
  /** Where in the file a word stands. */
  readonly rangeOf: (word: Pick<Word, 'offset' | 'end'>) => Range;
}

/** A file as nodes, and the lines at which a continuation is empty. */
export interface SyntaxTree {
  readonly directives: Directives;
  readonly nodes: readonly Node[];
  readonly emptyContinuations: readonly LineRange[];
}

/** More than any image has layers, and few enough to be held. */
const instructionsMax = 100_000;
const fileCharactersMax = 16 << 20;

/** Go's reader of lines takes no longer ones. */
const lineBytesMax = 65_535;

interface Piece {
  readonly offset: number;
  readonly line: number;
  readonly column: number;
}

type SplitBody = Pick<Node, 'words' | 'pairs' | 'isJson' | 'trigger'>;
type Splitter = (rest: Word, escapeCharacter: string, place: PlaceOf) => SplitBody;
type PlaceOf = (offset: number) => Position;

const plain = (words: readonly Word[]): SplitBody => ({ words, pairs: [], isJson: false });
const whole = (rest: Word): Word[] => (rest.text === '' ? [] : [rest]);
const json = (rest: Word): SplitBody | undefined => {
  const words = splitJson(rest);
  return words === undefined ? undefined : { words, pairs: [], isJson: true };
};
const one: Splitter = (rest) => plain(whole(rest));
const blanks: Splitter = (rest) => plain(splitBlanks(rest));
const jsonOrWhole: Splitter = (rest) => json(rest) ?? plain(whole(rest));
const jsonOrBlanks: Splitter = (rest) => json(rest) ?? plain(splitBlanks(rest));
const pairsOf =
  (keyword: string): Splitter =>
  (rest, escapeCharacter) => ({ words: [], pairs: splitPairs(rest, keyword, escapeCharacter), isJson: false });

const splitters: Readonly<Record<string, Splitter>> = {
  ADD: jsonOrBlanks,
  ARG: (rest, escapeCharacter) => plain(splitQuoted(rest, escapeCharacter)),
  CMD: jsonOrWhole,
  COPY: jsonOrBlanks,
  ENTRYPOINT: jsonOrWhole,
  ENV: pairsOf('ENV'),
  EXPOSE: blanks,
  FROM: blanks,
  HEALTHCHECK: (rest) => {
    const [kind] = /^\S*/.exec(rest.text) ?? [''];
    if (kind === '') return plain([]);
    const type = { text: kind, offset: rest.offset, end: rest.offset + kind.length };
    const command = jsonOrWhole({ ...trimmed(rest.text, kind.length), ...shift(rest, kind.length) }, '', noPlace);
    return { ...command, words: [type, ...command.words] };
  },
  LABEL: pairsOf('LABEL'),
  MAINTAINER: one,
  ONBUILD: (rest, escapeCharacter, place) => {
    if (rest.text === '') return plain([]);
    const trigger = parseNode(rest, { escapeCharacter, place, lines: { first: 0, last: 0 }, comments: [] });
    const type = { text: trigger.keyword, offset: rest.offset, end: rest.offset + trigger.keyword.length };
    return { words: [type], pairs: [], isJson: trigger.isJson, trigger };
  },
  RUN: jsonOrWhole,
  SHELL: jsonOrWhole,
  STOPSIGNAL: one,
  USER: one,
  VOLUME: jsonOrBlanks,
  WORKDIR: one,
};

/** The keywords of all instructions. */
export const keywords: readonly string[] = Object.keys(splitters);

const noPlace: PlaceOf = () => ({ line: 0, column: 0 });

function shift(rest: Word, length: number): Pick<Word, 'offset' | 'end'> {
  const { offset, end } = trimmed(rest.text, length);
  return { offset: rest.offset + offset, end: rest.offset + end };
}

interface NodeContext {
  readonly escapeCharacter: string;
  readonly place: PlaceOf;
  readonly lines: LineRange;
  readonly comments: readonly string[];
}

function parseNode(code: Word, { escapeCharacter, place, lines, comments }: NodeContext): Node {
  const [keyword = ''] = /^[^\t\v\f\r ]*/.exec(code.text) ?? [];
  const name = keyword.toUpperCase();
  const body = trimmed(code.text, keyword.length);
  const { flags, rest: from } = splitFlags({ text: body.text, offset: code.offset + body.offset, end: code.end });
  const rest = trimmed(code.text, from - code.offset);
  const moved = { text: rest.text, offset: rest.offset + code.offset, end: rest.end + code.offset };
  const splitter = Object.hasOwn(splitters, name) ? splitters[name] : undefined;
  const rangeOf = ({ offset, end }: Pick<Word, 'offset' | 'end'>): Range => ({ start: place(offset), end: place(end) });
  return {
    keyword,
    name,
    flags,
    ...(splitter === undefined ? plain([]) : splitter(moved, escapeCharacter, place)),
    heredocs: [],
    code: code.text,
    comments,
    lines,
    range: rangeOf(code),
    rangeOf,
  };
}

/** Whether here-documents may follow a node. */
function takesHeredocs(node: Node): boolean {
  const inner = node.name === 'ONBUILD' ? node.trigger : node;
  return inner !== undefined && !inner.isJson && ['ADD', 'COPY', 'RUN'].includes(inner.name);
}

/** Reads a file line by line, joined as escapes at the ends of lines say. */
class Reader {
  readonly nodes: Node[] = [];
  readonly emptyContinuations: LineRange[] = [];
  readonly #lines: readonly string[];
  readonly #ends: readonly string[];
  readonly #continues: RegExp;
  #at = 0;
  #comments: string[] = [];

  constructor(
    text: string,
    readonly directives: Directives,
  ) {
    const raw = text.split('\n');
    if (raw.at(-1) === '') raw.pop();
    this.#lines = raw.map((line) => line.replace(/\r+$/, ''));
    this.#ends = raw.map((line, index) => `${line}${index < raw.length - 1 || text.endsWith('\n') ? '\n' : ''}`);
    const escapeCharacter = directives.escape === '\\' ? '\\\\' : directives.escape;
    this.#continues = new RegExp(`(^|[^${escapeCharacter}])${escapeCharacter}[ \\t]*$`);
  }

  read(): void {
    for (const [index, line] of this.#ends.entries()) {
      if (Buffer.byteLength(line) <= lineBytesMax) continue;
      const lines = { first: index + 1, last: index + 1 };
      throw new DockerfileError(`dockerfile line greater than max allowed size of ${lineBytesMax}`, [lines]);
    }
    while (this.#at < this.#lines.length) this.#readInstruction();
    if (this.nodes.length === 0) {
      const last = Math.max(this.#lines.length, 1);
      throw new DockerfileError('file with no instructions', [{ first: last, last }]);
    }
  }

  #cut(line: string): { text: string; isLast: boolean } {
    const match = this.#continues.exec(line);
    return match === null
      ? { text: line, isLast: true }
      : { text: line.slice(0, match.index + (match[1]?.length ?? 0)), isLast: false };
  }

  #readInstruction(): void {
    const first = this.#at++;
    const line = this.#lines[first] ?? '';
    const { offset: indent } = trimmed(line, 0);
    if (line[indent] === '#') {
      const comment = line.slice(indent + 1).trim();
      if (first < this.directives.lineCount) return;
      if (comment === '') this.#comments = [];
      else this.#comments.push(comment);
      return;
    }
    const { text, isLast } = this.#cut(line.slice(indent));
    if (isLast && text === '') return;
    const pieces: Piece[] = [{ offset: 0, line: first + 1, column: indent + 1 }];
    const code = isLast ? text : this.#readContinued(text, pieces);
    const lines = { first: first + 1, last: this.#at };
    const comments = this.#comments;
    this.#comments = [];
    this.#push(code, { lines, comments, place: placeIn(pieces), escapeCharacter: this.directives.escape });
  }

  #readContinued(start: string, pieces: Piece[]): string {
    const parts = [start];
    let length = start.length;
    let empty: number | undefined;
    for (let isLast = false; !isLast && this.#at < this.#lines.length; ) {
      const line = this.#lines[this.#at++] ?? '';
      const { offset } = trimmed(line, 0);
      if (line[offset] === '#') continue;
      if (offset === line.length) {
        empty = this.#at;
        continue;
      }
      const cut = this.#cut(line);
      isLast = cut.isLast;
      pieces.push({ offset: length, line: this.#at, column: 1 });
      parts.push(cut.text);
      length += cut.text.length;
    }
    if (empty !== undefined) this.emptyContinuations.push({ first: this.#at, last: this.#at });
    return parts.join('');
  }

  #push(text: string, context: NodeContext): void {
    const node = onLines(context.lines, () => parseNode(trimmed(text, 0), context));
    const marks = takesHeredocs(node) && text.includes('<<') ? onLines(context.lines, () => heredocMarksIn(text)) : [];
    const heredocs = marks.map((one) => this.#readHeredoc(one, context.lines.first));
    const lines = { first: context.lines.first, last: this.#at };
    if (this.nodes.length >= instructionsMax) {
      throw new DockerfileError(`a Dockerfile has at most ${instructionsMax} instructions`, [lines]);
    }
    this.nodes.push({ ...node, heredocs, lines });
  }

  #readHeredoc(found: HeredocMark, first: number): Heredoc {
    const start = this.#at;
    while (this.#at < this.#lines.length) {
      const line = this.#lines[this.#at++] ?? '';
      if ((found.chomps ? line.replace(/^\t+/, '') : line) === found.name) {
        return { ...found, content: this.#ends.slice(start, this.#at - 1).join('') };
      }
    }
    return onLines({ first, last: this.#lines.length }, () => {
      throw fail('invalid-argument', 'unterminated heredoc');
    });
  }
}

/** Where a place in joined lines is in the file. */
function placeIn(pieces: readonly Piece[]): PlaceOf {
  return (offset) => {
    const piece = pieces.findLast((one) => one.offset <= offset) ?? { offset: 0, line: 1, column: 1 };
    return { line: piece.line, column: piece.column + offset - piece.offset };
  };
}

/** Parses a Dockerfile as far as it goes without knowing what instructions mean. Throws `DockerfileError`. */
export function parseSyntax(source: string): SyntaxTree {
  const text = source.replace(/^\ufeff/, '');
  if (text.length > fileCharactersMax) throw new DockerfileError('Dockerfile exceeds maximum allowed size of 16 MiB');
  if (text === '') throw new DockerfileError('the Dockerfile cannot be empty');
  const reader = new Reader(text, readDirectives(text.split('\n', 8)));
  reader.read();
  const { nodes, emptyContinuations, directives } = reader;
  return { nodes, emptyContinuations, directives };
}
