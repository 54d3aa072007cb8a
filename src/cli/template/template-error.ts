import { type EstibaError, fail } from '#std/errors';

/** What messages need of the template that they are about. */
export interface Source {
  readonly name: string;
  readonly text: string;
}

/** An error in the text of a template, worded as Go's text/template words it. */
export function templateError(source: Source, position: number, message: string): EstibaError {
  const line = source.text.slice(0, position).split('\n').length;
  return fail('invalid-argument', `template: ${source.name}:${line}: ${message}`);
}

const shownCharacters = 20;

/** An error while a template is run. */
export function executionError(source: Source, position: number, at: string, message: string): EstibaError {
  const before = source.text.slice(0, position).split('\n');
  const place = `${before.length}:${Buffer.byteLength(before.at(-1) ?? '')}`;
  const shown = at.length > shownCharacters ? `${at.slice(0, shownCharacters)}...` : at;
  return fail(
    'invalid-argument',
    `template: ${source.name}:${place}: executing ${JSON.stringify(source.name)} at <${shown}>: ${message}`,
  );
}

/** Whether a failure was met while a template ran, and not while it was read. */
export function isExecutionError(error: unknown): boolean {
  return error instanceof Error && / executing "/.test(error.message);
}
