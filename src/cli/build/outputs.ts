import { fail } from '#std/errors';
import { csvFields } from '../values/csv.ts';

/** One thing that a build ends in, as the engine is asked for it, and where its bytes go here. */
export interface Output {
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** A path here; `-` is standard output. Undefined for what stays in the engine. */
  readonly destination?: string;
  /** Whether many files come, and not one. */
  readonly isDirectory: boolean;
}

/** `key=value,…` with a `type`; what has no `=` throws. */
export function typedFields(text: string, what: string): { type: string; fields: Map<string, string> } {
  const fields = new Map<string, string>();
  for (const field of csvFields(text)) {
    const equals = field.indexOf('=');
    if (equals < 0) throw fail('invalid-argument', `invalid value ${field}`);
    fields.set(field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1));
  }
  const type = fields.get('type') ?? '';
  if (type === '') throw fail('invalid-argument', `type is required for ${what}`);
  fields.delete('type');
  return { type, fields };
}

function parseOutput(text: string): Output {
  if (!text.includes('=')) {
    if (text === '-') return { type: 'tar', attributes: {}, destination: '-', isDirectory: false };
    return { type: 'local', attributes: {}, destination: text, isDirectory: true };
  }
  const { type: given, fields } = typedFields(text, 'output');
  const destination = fields.get('dest') ?? '';
  fields.delete('dest');
  if (given === 'registry' && !fields.has('push')) fields.set('push', 'true');
  const type = given === 'registry' ? 'image' : given;
  const attributes = Object.fromEntries(fields);
  if (type === 'image' || type === 'cacheonly') return { type, attributes, isDirectory: false };
  if (type === 'docker' && destination === '') return { type: 'image', attributes, isDirectory: false };
  if (!['local', 'tar', 'oci', 'docker'].includes(type)) {
    throw fail(
      'invalid-argument',
      `there is no output of the type "${type}": local, tar, oci, docker, image, registry`,
    );
  }
  const isDirectory = type === 'local' || ((type === 'oci' || type === 'docker') && fields.get('tar') === 'false');
  if (isDirectory && (destination === '' || destination === '-')) {
    throw fail('invalid-argument', `dest is required for ${type} output`);
  }
  return { type, attributes, destination: destination === '' ? '-' : destination, isDirectory };
}

/** What `--output`, `--push` and `--load` ask for; the image goes into the engine when they say nothing. */
export function outputsOf(flags: {
  readonly output: readonly string[];
  readonly push: boolean;
  readonly load: boolean;
  readonly tag: readonly string[];
  readonly annotation: readonly string[];
}): Output[] {
  const outputs = flags.output.map(parseOutput);
  const isImage = ({ type }: Output): boolean => type === 'image';
  const image: Output = { type: 'image', attributes: {}, isDirectory: false };
  if (outputs.length === 0 || (flags.load && !outputs.some(isImage))) outputs.push(image);
  if (flags.push && !outputs.some(isImage)) outputs.push(image);
  if (flags.push && flags.tag.length === 0 && !outputs.some(({ attributes }) => attributes.name !== undefined)) {
    throw fail('invalid-argument', 'tag is needed when pushing to registry');
  }
  const name = flags.tag.join(',');
  return outputs.map((output) => {
    const takesName = !['local', 'tar', 'cacheonly'].includes(output.type);
    const isPushed = flags.push && isImage(output);
    return {
      ...output,
      attributes: {
        ...(takesName && name !== '' && { name }),
        ...(isPushed && { push: 'true' }),
        ...annotationsOf(flags.annotation),
        ...output.attributes,
      },
    };
  });
}

function annotationsOf(annotations: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    annotations.map((text) => {
      const equals = text.indexOf('=');
      if (equals < 1) throw fail('invalid-argument', `invalid annotation "${text}", expected key=value`);
      const key = text.slice(0, equals);
      const [, level, name] =
        /^((?:manifest|index|manifest-descriptor|index-descriptor)(?:\[[^\]]*\])?(?:,[^:]*)?):(.+)$/.exec(key) ?? [];
      const attribute = level === undefined ? `annotation.${key}` : `annotation-${level}.${name}`;
      return [attribute, text.slice(equals + 1)];
    }),
  );
}
