import { type EvaluateOptions, evaluate } from './evaluator.ts';
import { parseTemplate } from './parser.ts';

export { printValue } from './values.ts';

/** A template made ready: give it data, it gives the text. */
export type Template = (data: unknown, options?: EvaluateOptions) => string;

/**
 * Makes a template of its text: the subset of Go's text/template that docker's `--format` is used with. Not in it:
 * `define`, `template` and `block`.
 * @throws `invalid-argument`
 */
export function compileTemplate(source: string): Template {
  const nodes = parseTemplate(source);
  return (data, options) => evaluate(source, nodes, data, options);
}
