import type { Catalogue } from '../grammar/catalogue.ts';
import type { Entry, GroupEntry } from '../grammar/entry.ts';
import { aloneEntries } from './alone.ts';
import { builderEntries } from './builder.ts';
import { containerEntries } from './container.ts';
import { contextEntries } from './context.ts';
import { imageEntries } from './image.ts';
import { laterEntries } from './later.ts';
import { networkEntries } from './network.ts';
import { systemEntries } from './system.ts';
import { volumeEntries } from './volume.ts';

/** Groups of commands, and what each is for. */
const groups: Readonly<Record<string, string>> = {
  builder: 'Build images, and work with the build cache',
  container: 'Work with containers',
  context: 'Choose the engines to speak to',
  image: 'Work with images',
  network: 'Work with networks',
  system: 'Look at the engine as a whole',
  volume: 'Work with volumes',
};

const inGroup = (group: string, entries: readonly GroupEntry[]): readonly Entry[] =>
  entries.map((entry) => ({ group, ...entry }));

const alone = (entries: readonly GroupEntry[]): readonly Entry[] =>
  entries.map((entry) => ({ group: '', ...entry, flat: entry.name }));

const entries: readonly Entry[] = [
  ...inGroup('builder', builderEntries),
  ...inGroup('container', containerEntries),
  ...inGroup('context', contextEntries),
  ...inGroup('image', imageEntries),
  ...inGroup('network', networkEntries),
  ...inGroup('system', systemEntries),
  ...inGroup('volume', volumeEntries),
  ...alone(aloneEntries),
  ...alone(laterEntries),
];

/** Every command of the CLI itself. */
export const catalogue: Catalogue = { entries, groups };
