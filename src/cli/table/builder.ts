import { type GroupEntry, lazy } from '../grammar/entry.ts';

/** `builder …`. */
export const builderEntries: readonly GroupEntry[] = [
  {
    name: 'build',
    summary: 'Build an image from a Dockerfile',
    load: lazy(async () => (await import('../commands/image/build.ts')).buildCommand),
  },
  {
    name: 'du',
    summary: 'List what is in the build cache',
    load: lazy(async () => (await import('../commands/builder/du.ts')).builderDu),
  },
  {
    name: 'prune',
    summary: 'Remove what nobody uses of the build cache',
    load: lazy(async () => (await import('../commands/builder/prune.ts')).builderPrune),
  },
];
