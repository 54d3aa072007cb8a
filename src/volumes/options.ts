import { fail } from '#std/errors';
import { checkSize } from './size.ts';

/** What a volume of the local driver with options mounts at each use: the arguments of mount(8). */
export interface LocalMount {
  readonly type: string;
  readonly device: string;
  readonly options: readonly string[];
}

/** Which options must come with one: in the order in which they are looked for. */
const companions: readonly (readonly [option: string, others: readonly string[]])[] = [
  ['device', ['type']],
  ['type', ['device']],
  ['o', ['device', 'type']],
];

/**
 * Checks the options of the local driver (`type`, `o`, `device`, `size`); undefined for a plain directory. Throws
 * `invalid-argument` in Docker's words.
 */
export function parseLocalOptions(
  name: string,
  options: Readonly<Record<string, string>> | null,
): LocalMount | undefined {
  if (options === null) return undefined;
  const refuse = (reason: string): Error => fail('invalid-argument', `create ${name}: ${reason}`);
  const known = new Set(['type', 'o', 'device', 'size']);
  const unknown = Object.keys(options).find((key) => !known.has(key));
  if (unknown !== undefined) throw refuse(`invalid option: ${JSON.stringify(unknown)}`);
  if (options.size !== undefined) {
    const problem = checkSize(options.size);
    if (problem !== undefined) throw refuse(problem);
  }
  for (const [option, others] of companions) {
    const absent = options[option] === undefined ? undefined : others.find((other) => options[other] === undefined);
    if (absent !== undefined) throw refuse(`missing required option: ${JSON.stringify(absent)}`);
  }
  const { type = '', device = '', o = '' } = options;
  if (type === '' && device === '') return undefined;
  return { type, device, options: o.split(',').filter((option) => option !== '') };
}
