import { fail } from '#std/errors';

/** The fields of one line of comma-separated values (RFC 4180): a field in double quotes may hold commas. */
export function csvFields(line: string): string[] {
  const fields: string[] = [];
  let field = '';
  let quoted = false;
  for (let index = 0; index < line.length; index++) {
    const char = line.charAt(index);
    if (quoted) {
      if (char !== '"') field += char;
      else if (line[index + 1] === '"') field += line.charAt(++index);
      else quoted = false;
    } else if (char === '"' && field === '') quoted = true;
    else if (char === ',') {
      fields.push(field);
      field = '';
    } else field += char;
  }
  if (quoted)
    throw fail(
      'invalid-argument',
      `parse error on line 1, column ${line.length + 1}: extraneous or missing " in quoted-field`,
    );
  return [...fields, field];
}
