import { fail, messageOf } from '#std/errors';

/** Go's name of the identifier is `ID`, that of the JSON `Id`; templates may use either. */
function withGoNames(object: unknown): unknown {
  if (typeof object !== 'object' || object === null || !('Id' in object)) return object;
  return Object.defineProperty({ ...object }, 'ID', { value: object.Id, enumerable: false });
}

/**
 * Prints objects as inspect commands do: an indented JSON list without a format; with `json` one object a line; else
 * the template, once for each.
 * @throws `invalid-argument`
 */
export async function printInspection(objects: readonly unknown[], format: string): Promise<string> {
  if (format === '') return `${objects.length === 0 ? '[]' : JSON.stringify(objects, null, 4)}\n`;
  if (format === 'json') return `${JSON.stringify(objects)}\n`;
  const { compileTemplate } = await import('../template/index.ts');
  try {
    const template = compileTemplate(format);
    const missingField = (field: string): string => `map has no entry for key "${field}"`;
    return objects.map((object) => `${template(withGoNames(object), { missingField })}\n`).join('');
  } catch (error) {
    throw fail('invalid-argument', `template parsing error: ${messageOf(error)}`, error);
  }
}
