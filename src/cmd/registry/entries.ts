import { type Entry, lazy } from '#cli';

/** `estiba registry`, for the CLI. */
export const registryGroup = { registry: 'Run a registry of images' };

/** The commands of that group. */
export const registryEntries: readonly Entry[] = [
  {
    group: 'registry',
    name: 'gc',
    summary: 'Remove what nothing names, and what the rules say',
    load: lazy(async () => (await import('./gc.ts')).gc),
  },
  {
    group: 'registry',
    name: 'serve',
    summary: 'Serve a registry of images from a directory',
    load: lazy(async () => (await import('./serve.ts')).serve),
  },
];
