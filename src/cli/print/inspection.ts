import { messageOf } from '#std/errors';
import { CommandFailure } from '../failure.ts';
import type { Template } from '../template/index.ts';
import type { ShapeName } from './go-shapes.ts';
import { escapedJson } from './json.ts';

const parseExitCode = 64;

export interface InspectionOptions {
  /** What the objects are: templates see them as docker's own types. */
  readonly shape?: ShapeName | ((object: unknown) => ShapeName | undefined);
  /** Go escapes these characters where it makes the JSON itself, and not where it passes the engine's on. */
  readonly escapeHtml?: boolean;
}

export interface Inspection {
  readonly text: string;
  /** What is wrong with objects that the template could not be run on. */
  readonly failures: readonly string[];
}

/**
 * Prints objects as inspect commands do: an indented JSON list without a format; with `json` one line; else the template,
 * once for each. As docker does, a template is tried on the type of the object, and where that fails on its JSON.
 * @throws CommandFailure with docker's exit code for a template that is none
 */
export async function printInspection(
  objects: readonly unknown[],
  format: string,
  options: InspectionOptions = {},
): Promise<Inspection> {
  const print = (value: unknown, indent?: number): string =>
    options.escapeHtml ? escapedJson(value, indent) : JSON.stringify(value, null, indent);
  if (format === '') return { text: `${objects.length === 0 ? '[]' : print(objects, 4)}\n`, failures: [] };
  if (format === 'json') return { text: `${print(objects)}\n`, failures: [] };
  const render = await compileInspection(format, options);
  let text = '';
  const failures: string[] = [];
  for (const object of objects) {
    try {
      text += `${render(object)}\n`;
    } catch (error) {
      failures.push(`template parsing error: ${messageOf(error)}`);
    }
  }
  return { text: text === '' ? '\n' : text, failures };
}

async function compileInspection(format: string, options: InspectionOptions): Promise<(object: unknown) => string> {
  const [{ compileTemplate }, { goValue }] = await Promise.all([
    import('../template/index.ts'),
    import('./go-values.ts'),
  ]);
  let template: Template;
  try {
    template = compileTemplate(format);
  } catch (error) {
    throw new CommandFailure(`template parsing error: ${messageOf(error)}`, parseExitCode, { cause: error });
  }
  return (object) => {
    const shape = typeof options.shape === 'function' ? options.shape(object) : options.shape;
    if (shape !== undefined) {
      try {
        return template(goValue(shape, object));
      } catch {
        // Told below, in the words for JSON.
      }
    }
    return template(withoutNull(object), { strictMaps: true, untyped: true });
  };
}

/**
 * One object by a template that is given Go's names of its fields; `type` and `name` are what messages call the two.
 * @throws `invalid-argument`, or CommandFailure for a template that is none
 */
export async function printStruct(
  object: object,
  format: string,
  options: { readonly type: string; readonly name?: string },
): Promise<string> {
  const { compileTemplate } = await import('../template/index.ts');
  const { asStruct, withSource } = await import('../template/values.ts');
  let template: Template;
  try {
    template = compileTemplate(format, options.name);
  } catch (error) {
    throw new CommandFailure(`template parsing error: ${messageOf(error)}`, parseExitCode, { cause: error });
  }
  return `${template(withSource(asStruct({ ...object }, options.type), object))}\n`;
}

/** A null in decoded JSON has no type, and is printed as no value at all. */
function withoutNull(value: unknown): unknown {
  if (value === null) return undefined;
  if (Array.isArray(value)) return value.map(withoutNull);
  if (typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutNull(inner)]));
}
