import { type EstibaError, fail } from '#std/errors';

/** An error in the text of a template, worded as Go's text/template words it. */
export function templateError(source: string, position: number, message: string): EstibaError {
  const line = source.slice(0, position).split('\n').length;
  return fail('invalid-argument', `template: :${line}: ${message}`);
}

/** An error while a template is run. */
export function executionError(source: string, position: number, at: string, message: string): EstibaError {
  const before = source.slice(0, position).split('\n');
  const place = `${before.length}:${(before.at(-1) ?? '').length}`;
  return fail('invalid-argument', `template: :${place}: executing "" at <${at}>: ${message}`);
}
