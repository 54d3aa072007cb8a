import { type GroupEntry, lazy } from '../grammar/entry.ts';

/** `network …`. */
export const networkEntries: readonly GroupEntry[] = [
  {
    name: 'connect',
    summary: 'Put a container into a network',
    load: lazy(async () => (await import('../commands/network/connect.ts')).networkConnect),
  },
  {
    name: 'create',
    summary: 'Create a network',
    load: lazy(async () => (await import('../commands/network/create.ts')).networkCreate),
  },
  {
    name: 'disconnect',
    summary: 'Take a container out of a network',
    load: lazy(async () => (await import('../commands/network/disconnect.ts')).networkDisconnect),
  },
  {
    name: 'inspect',
    summary: 'Show all that is known of networks',
    load: lazy(async () => (await import('../commands/network/inspect.ts')).networkInspect),
  },
  {
    name: 'ls',
    aliases: ['list'],
    summary: 'List networks',
    load: lazy(async () => (await import('../commands/network/ls.ts')).networkLs),
  },
  {
    name: 'prune',
    summary: 'Remove networks that nothing uses',
    load: lazy(async () => (await import('../commands/network/prune.ts')).networkPrune),
  },
  {
    name: 'rm',
    aliases: ['remove'],
    summary: 'Remove networks',
    load: lazy(async () => (await import('../commands/network/rm.ts')).networkRm),
  },
  {
    name: 'trace',
    summary: 'Tell whether and why a packet passes',
    load: lazy(async () => (await import('../commands/network/trace.ts')).networkTrace),
  },
];
