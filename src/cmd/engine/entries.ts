import { type Entry, lazy } from '#cli';

const described = (): Promise<typeof import('./described.ts')> => import('./described.ts');

/** `estiba engine`, for the CLI's help, completion and manual; what runs it is main.ts. */
export const engineEntries: readonly Entry[] = [
  {
    group: '',
    name: 'engine',
    flat: 'engine',
    summary: 'Start or stop an engine',
    load: lazy(async () => (await described()).engine),
  },
  {
    group: 'engine',
    name: 'stop',
    summary: 'Stop an engine that runs',
    load: lazy(async () => (await described()).engineStop),
  },
];
