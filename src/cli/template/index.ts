import { type EvaluateOptions, evaluate } from './evaluator.ts';
import { parseTemplate } from './parser.ts';

export type { Method } from './evaluator.ts';
export { isExecutionError } from './template-error.ts';
export { printValue } from './values.ts';

/** A template made ready: give it data, it gives the text. */
export type Template = (data: unknown, options?: EvaluateOptions) => string;

/**
 * Makes a template of its text, in the language of Go's text/template with the functions that docker adds. `name` is
 * what messages call it.
 * @throws `invalid-argument`
 */
export function compileTemplate(text: string, name = ''): Template {
  const source = { name, text };
  const parsed = parseTemplate(source);
  return (data, options) => evaluate(source, parsed, data, options);
}
