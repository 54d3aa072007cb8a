import { fail, messageOf } from '#std/errors';
import { compileTemplate } from '../template/index.ts';

/**
 * Prints objects as inspect commands do: an indented JSON list without a format; with `json` one object a line; else
 * the template, once for each.
 * @throws `invalid-argument`
 */
export function printInspection(objects: readonly unknown[], format: string): string {
  if (format === '') return `${objects.length === 0 ? '[]' : JSON.stringify(objects, null, 4)}\n`;
  if (format === 'json') return `${JSON.stringify(objects)}\n`;
  try {
    const template = compileTemplate(format);
    const missingField = (field: string): string => `map has no entry for key "${field}"`;
    return objects.map((object) => `${template(object, { missingField })}\n`).join('');
  } catch (error) {
    throw fail('invalid-argument', `template parsing error: ${messageOf(error)}`, error);
  }
}
