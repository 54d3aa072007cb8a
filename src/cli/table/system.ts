import { type GroupEntry, lazy } from '../grammar/entry.ts';

/** `system …`. */
export const systemEntries: readonly GroupEntry[] = [
  {
    name: 'df',
    summary: 'Show what takes disk space',
    load: lazy(async () => (await import('../commands/system/df.ts')).df),
  },
  {
    name: 'dial-stdio',
    summary: 'Pass standard input and output on to the engine, for a client elsewhere',
    hidden: true,
    load: lazy(async () => (await import('../commands/system/dial-stdio.ts')).dialStdio),
  },
  {
    name: 'events',
    flat: 'events',
    summary: 'Show what happens in the engine, as it happens',
    load: lazy(async () => (await import('../commands/system/events.ts')).events),
  },
  {
    name: 'info',
    flat: 'info',
    summary: 'Describe the engine',
    load: lazy(async () => (await import('../commands/system/info.ts')).info),
  },
  {
    name: 'prune',
    summary: 'Remove what nothing uses',
    load: lazy(async () => (await import('../commands/system/prune.ts')).systemPrune),
  },
];
