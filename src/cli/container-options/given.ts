import type { FlagValues } from '../grammar/flag.ts';
import type { ContainerFlags } from './flags.ts';

/** What was asked for on the command line of `run` and `create`. */
export interface ContainerOptions {
  readonly values: FlagValues<ContainerFlags>;
  readonly given: ReadonlySet<string>;
  readonly image: string;
  readonly command: readonly string[];
}

/** A copy without what is undefined, so that the engine's own default holds. */
export function compact<T extends object>(record: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** A list that was not given is left out. */
export function someOf<T>(items: readonly T[]): T[] | undefined {
  return items.length === 0 ? undefined : [...items];
}
