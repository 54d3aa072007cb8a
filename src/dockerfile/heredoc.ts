import { type Environment, expand } from './expand.ts';

/** A here-document as a line announces it: `<<NAME`, `<<-NAME`, `<<"NAME"`. */
export interface HeredocMark {
  readonly name: string;
  /** Whether variables in it are expanded: its name is not quoted. */
  readonly expands: boolean;
  /** Whether tabs at the head of its lines are cut. */
  readonly chomps: boolean;
  readonly fileDescriptor: number;
}

/** A here-document with its lines, ends included. */
export interface Heredoc extends HeredocMark {
  readonly content: string;
}

const nothing: Environment = new Map();
const mark = /^(\d*)<<(-?)([^<]*)$/;

/** Reads a word as the mark of a here-document; undefined when it is none. */
export function parseHeredocMark(word: string): HeredocMark | undefined {
  if (!word.includes('<<')) return undefined;
  const [, descriptor = '', dash = '', name = ''] = mark.exec(word) ?? [];
  if (name === '') return undefined;
  const options = { escape: '\\', keepUnset: true, splits: true };
  const { words } = expand(name, nothing, options);
  const [bare] = words;
  if (bare === undefined || words.length > 1) return undefined;
  const { words: written } = expand(name, nothing, { ...options, rawQuotes: true, rawEscapes: true });
  return {
    name: bare,
    expands: written[0] === bare,
    chomps: dash === '-',
    fileDescriptor: descriptor === '' ? 0 : Number(descriptor),
  };
}

/** The here-documents that a line announces, in order. */
export function heredocMarksIn(line: string): HeredocMark[] {
  const { words } = expand(line, nothing, {
    escape: '\\',
    rawQuotes: true,
    rawEscapes: true,
    keepUnset: true,
    splits: true,
  });
  return words.flatMap((word) => parseHeredocMark(word) ?? []);
}

/** A document's text as it is used: without the tabs at the head of its lines when it is one of `<<-`. */
export function heredocText({ content, chomps }: Heredoc): string {
  return chomps ? content.replace(/^\t+/gm, '') : content;
}
