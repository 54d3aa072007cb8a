import { fail } from '#std/errors';
import { typedFields } from './outputs.ts';

/** A cache of another place; `directory` is the path here of one that is a directory of ours. */
export interface CachePlace {
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly directory?: string;
}

/** `--cache-from` or `--cache-to`: a reference alone is a registry's. */
export function cachePlace(text: string, direction: 'from' | 'to'): CachePlace {
  if (!text.includes('=')) return { type: 'registry', attributes: { ref: text } };
  const { type, fields } = typedFields(text, `cache-${direction}`);
  if (type !== 'local') return { type, attributes: Object.fromEntries(fields) };
  const key = direction === 'from' ? 'src' : 'dest';
  const directory = fields.get(key);
  if (directory === undefined || directory === '') throw fail('invalid-argument', `${key} is required for type=local`);
  fields.delete(key);
  return { type, attributes: Object.fromEntries(fields), directory };
}
