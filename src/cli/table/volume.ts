import { type GroupEntry, lazy } from '../grammar/entry.ts';

/** `volume …`. */
export const volumeEntries: readonly GroupEntry[] = [
  {
    name: 'create',
    summary: 'Create a volume',
    load: lazy(async () => (await import('../commands/volume/create.ts')).volumeCreate),
  },
  {
    name: 'inspect',
    summary: 'Show all that is known of volumes',
    load: lazy(async () => (await import('../commands/volume/inspect.ts')).volumeInspect),
  },
  {
    name: 'ls',
    aliases: ['list'],
    summary: 'List volumes',
    load: lazy(async () => (await import('../commands/volume/ls.ts')).volumeLs),
  },
  {
    name: 'prune',
    summary: 'Remove volumes that nothing uses',
    load: lazy(async () => (await import('../commands/volume/prune.ts')).volumePrune),
  },
  {
    name: 'rm',
    aliases: ['remove'],
    summary: 'Remove volumes',
    load: lazy(async () => (await import('../commands/volume/rm.ts')).volumeRm),
  },
  {
    name: 'update',
    summary: 'Change a cluster volume',
    load: lazy(async () => (await import('../commands/volume/update.ts')).volumeUpdate),
  },
];
