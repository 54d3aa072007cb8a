import type { Entry } from './entry.ts';

/** Every command there is, and the groups of them with what each is for: the source of help, completion and manual. */
export interface Catalogue {
  readonly entries: readonly Entry[];
  readonly groups: Readonly<Record<string, string>>;
}

/** The command that the first words name, and how many of them do. */
export function findEntry(
  { entries }: Catalogue,
  words: readonly string[],
): { readonly entry: Entry; readonly length: number } | undefined {
  const [first, second] = words;
  const inGroup = entries.find(
    ({ group, name, aliases }) =>
      group !== '' && group === first && second !== undefined && (name === second || aliases?.includes(second)),
  );
  if (inGroup) return { entry: inGroup, length: 2 };
  const alone = entries.find((entry) => entry.flat !== undefined && entry.flat === first);
  return alone && { entry: alone, length: 1 };
}
