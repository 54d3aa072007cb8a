import type { ConfigDifference } from '#api';
import type { StoredImage } from '../catalogue.ts';

/** What an image says beside its configuration. */
const ownFields = { Os: 'os', Architecture: 'architecture', Variant: 'variant', Author: 'author' } as const;
/** Of these each member is compared by itself. */
const keyedFields = new Set(['Env', 'Labels', 'ExposedPorts', 'Volumes']);

/** What is not set and what is set to nothing are the same. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function membersOf(value: unknown): ReadonlyMap<string, unknown> {
  if (!Array.isArray(value)) return new Map(Object.entries(value ?? {}));
  return new Map(value.map((item) => String(item).split(/=(.*)/s)).map(([name = '', text = '']) => [name, text]));
}

function compareField(Field: string, before: unknown, after: unknown): ConfigDifference[] {
  if (keyedFields.has(Field)) return compareMembers(Field, membersOf(before), membersOf(after));
  if ((isEmpty(before) && isEmpty(after)) || Bun.deepEquals(before, after)) return [];
  return [{ Field, ...(isEmpty(before) ? {} : { Before: before }), ...(isEmpty(after) ? {} : { After: after }) }];
}

function compareMembers(
  Field: string,
  left: ReadonlyMap<string, unknown>,
  right: ReadonlyMap<string, unknown>,
): ConfigDifference[] {
  return [...new Set([...left.keys(), ...right.keys()])].sort().flatMap((Key) => {
    if (left.has(Key) === right.has(Key) && Bun.deepEquals(left.get(Key), right.get(Key))) return [];
    const before = left.has(Key) ? { Before: left.get(Key) } : {};
    return { Field, Key, ...before, ...(right.has(Key) ? { After: right.get(Key) } : {}) };
  });
}

/** How the configurations of two images differ, field by field. */
export function compareConfigs(before: StoredImage, after: StoredImage): ConfigDifference[] {
  const [left, right] = [before.config as Record<string, unknown>, after.config as Record<string, unknown>];
  const fields = [...new Set([...Object.keys(left), ...Object.keys(right)])].sort();
  return [
    ...Object.entries(ownFields).flatMap(([Field, key]) => compareField(Field, before[key], after[key])),
    ...fields.flatMap((field) => compareField(field, left[field], right[field])),
  ];
}
