import { posix } from 'node:path';
import { fail } from '#std/errors';
import { heredocText, parseHeredocMark } from './heredoc.ts';
import type { RunInstruction } from './instruction.ts';
import { commandWords, type StageConfig } from './stage-config.ts';

/** What a RUN runs. */
export interface RunCommand {
  readonly words: readonly string[];
  /** A script that must be there, executable, while it runs: a here-document that says itself what runs it. */
  readonly script?: { readonly path: string; readonly content: string };
}

/** Where a here-document that is run as a script lies. */
const scriptDirectory = '/dev/pipes';

/** The words that a RUN comes to: with its shell, and its here-documents where that finds them. */
export function runCommandOf({ command }: RunInstruction, settings: Pick<StageConfig, 'shell'>): RunCommand {
  const { words, isShell, heredocs } = command;
  const [first] = heredocs;
  const [line = '', ...more] = words;
  if (first === undefined) return { words: commandWords(settings, words, isShell) };
  if (more.length > 0 || !isShell) throw fail('invalid-argument', 'a RUN with here-documents has one line for a shell');
  if (parseHeredocMark(line) === undefined) {
    // The shell reads them itself.
    const documents = heredocs.map(({ content, name }) => `\n${content}${name}`);
    return { words: commandWords(settings, [line + documents.join('')], true) };
  }
  const content = heredocText(first);
  if (!content.startsWith('#!')) return { words: commandWords(settings, [content], true) };
  const path = posix.join(scriptDirectory, first.name);
  return { words: commandWords(settings, [path], true), script: { path, content } };
}
