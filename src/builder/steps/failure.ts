import { EstibaError, fail } from '#std/errors';

/** Go's `%q`, near enough for a command: what people read in quotes, on one line. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/\\u([0-9a-f]{4})/g, (_, digits: string) => `\\x${digits.slice(2)}`);
}

/** A process that ended with an exit code that is not valid. */
export class StepFailure extends EstibaError {
  constructor(
    words: readonly string[],
    readonly exitCode: number,
    detail = `exit code: ${exitCode}`,
  ) {
    super('invalid-argument', didNotComplete(words, detail));
  }
}

/** BuildKit's sentence for whatever went wrong with a step. */
export function didNotComplete(words: readonly string[], detail: string): string {
  return `process ${quoted(words.join(' '))} did not complete successfully: ${detail}`;
}

/** Of a step that nobody wants any more. */
export function stepCancelled(words: readonly string[]): EstibaError {
  return fail('cancelled', didNotComplete(words, 'context canceled'));
}
