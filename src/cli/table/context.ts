import { type GroupEntry, lazy } from '../grammar/entry.ts';

/** `context …`. */
export const contextEntries: readonly GroupEntry[] = [
  {
    name: 'create',
    summary: 'Create a context',
    load: lazy(async () => (await import('../commands/context/create.ts')).contextCreate),
  },
  {
    name: 'export',
    summary: 'Write a context as an archive',
    load: lazy(async () => (await import('../commands/context/export.ts')).contextExport),
  },
  {
    name: 'import',
    summary: 'Make a context of an archive',
    load: lazy(async () => (await import('../commands/context/import.ts')).contextImport),
  },
  {
    name: 'inspect',
    summary: 'Show all that is known of contexts',
    load: lazy(async () => (await import('../commands/context/inspect.ts')).contextInspect),
  },
  {
    name: 'ls',
    aliases: ['list'],
    summary: 'List contexts',
    load: lazy(async () => (await import('../commands/context/ls.ts')).contextLs),
  },
  {
    name: 'rm',
    aliases: ['remove'],
    summary: 'Remove contexts',
    load: lazy(async () => (await import('../commands/context/rm.ts')).contextRm),
  },
  {
    name: 'show',
    summary: 'Print the name of the current context',
    load: lazy(async () => (await import('../commands/context/show.ts')).contextShow),
  },
  {
    name: 'update',
    summary: 'Change a context',
    load: lazy(async () => (await import('../commands/context/update.ts')).contextUpdate),
  },
  {
    name: 'use',
    summary: 'Choose the context that is used from now on',
    load: lazy(async () => (await import('../commands/context/use.ts')).contextUse),
  },
];
