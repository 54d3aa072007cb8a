import { type GroupEntry, lazy } from '../grammar/entry.ts';

/** Commands outside every group. */
export const aloneEntries: readonly GroupEntry[] = [
  {
    name: '__complete',
    summary: 'Say what an unfinished command line may become, to a shell',
    hidden: true,
    load: lazy(async () => (await import('../commands/complete.ts')).complete),
  },
  {
    name: '__manual',
    summary: 'Write the man pages',
    hidden: true,
    load: lazy(async () => (await import('../commands/manual.ts')).manual),
  },
  {
    name: 'completion',
    summary: 'Print the script that completes commands in a shell',
    load: lazy(async () => (await import('../commands/completion.ts')).completion),
  },
  {
    name: 'inspect',
    summary: 'Show all that is known of any object',
    load: lazy(async () => (await import('../commands/inspect.ts')).inspect),
  },
  {
    name: 'login',
    summary: 'Give credentials for a registry',
    load: lazy(async () => (await import('../commands/login.ts')).login),
  },
  {
    name: 'logout',
    summary: 'Forget credentials for a registry',
    load: lazy(async () => (await import('../commands/logout.ts')).logout),
  },
  {
    name: 'search',
    summary: 'Search a registry for images',
    load: lazy(async () => (await import('../commands/search.ts')).search),
  },
  {
    name: 'version',
    summary: 'Show the versions of CLI and engine',
    load: lazy(async () => (await import('../commands/version.ts')).version),
  },
];
