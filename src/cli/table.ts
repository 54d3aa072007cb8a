import type { Command } from './grammar/command.ts';
import type { FlagTable } from './grammar/flag.ts';

/** A line of the table of commands. Its code is loaded when it is run, or asked for its help. */
export interface Entry {
  readonly group: string;
  readonly name: string;
  /** Other names in its group. */
  readonly aliases?: readonly string[];
  /** Its name outside the group: `ps` for `container ls`. */
  readonly flat?: string;
  readonly summary: string;
  /** Absent for a command that is not there yet. */
  readonly load?: () => Promise<Command>;
}

/** A group of commands, as `container`. */
export const groups: Readonly<Record<string, string>> = {
  builder: 'Work with the build cache',
  container: 'Work with containers',
  context: 'Choose the engines to speak to',
  image: 'Work with images',
  network: 'Work with networks',
  plugin: 'Work with plugins',
  system: 'Look at the engine as a whole',
  volume: 'Work with volumes',
};

type Lazy = () => Promise<Command>;

/** `run` of a command is only ever given the values of its own flags, which is what the cast rests on. */
function lazy<F extends FlagTable>(load: () => Promise<Command<F>>): Lazy {
  return load as unknown as Lazy;
}

const container: readonly Omit<Entry, 'group'>[] = [
  {
    name: 'attach',
    flat: 'attach',
    summary: "Connect this terminal to a running container's input and output",
    load: lazy(async () => (await import('./commands/container/attach.ts')).attach),
  },
  { name: 'commit', flat: 'commit', summary: "Make an image of a container's changes" },
  { name: 'cp', flat: 'cp', summary: 'Copy files between a container and this machine' },
  {
    name: 'create',
    flat: 'create',
    summary: 'Create a container without starting it',
    load: lazy(async () => (await import('./commands/container/create.ts')).create),
  },
  { name: 'diff', flat: 'diff', summary: "List what changed in a container's file system" },
  {
    name: 'exec',
    flat: 'exec',
    summary: 'Run a command in a running container',
    load: lazy(async () => (await import('./commands/container/exec.ts')).exec),
  },
  { name: 'export', flat: 'export', summary: "Write a container's file system as a tar archive" },
  {
    name: 'inspect',
    summary: 'Show all that is known of containers',
    load: lazy(async () => (await import('./commands/container/inspect.ts')).containerInspect),
  },
  {
    name: 'kill',
    flat: 'kill',
    summary: 'Send a signal to running containers',
    load: lazy(async () => (await import('./commands/container/kill.ts')).kill),
  },
  {
    name: 'logs',
    flat: 'logs',
    summary: 'Show what a container has written',
    load: lazy(async () => (await import('./commands/container/logs.ts')).logs),
  },
  {
    name: 'ls',
    aliases: ['list', 'ps'],
    flat: 'ps',
    summary: 'List containers',
    load: lazy(async () => (await import('./commands/container/ls.ts')).ls),
  },
  {
    name: 'pause',
    flat: 'pause',
    summary: 'Freeze all processes of containers',
    load: lazy(async () => (await import('./commands/container/pause.ts')).pause),
  },
  {
    name: 'port',
    flat: 'port',
    summary: 'List the published ports of a container',
    load: lazy(async () => (await import('./commands/container/port.ts')).port),
  },
  {
    name: 'prune',
    summary: 'Remove all containers that do not run',
    load: lazy(async () => (await import('./commands/container/prune.ts')).containerPrune),
  },
  {
    name: 'rename',
    flat: 'rename',
    summary: 'Give a container another name',
    load: lazy(async () => (await import('./commands/container/rename.ts')).rename),
  },
  {
    name: 'restart',
    flat: 'restart',
    summary: 'Stop containers and start them again',
    load: lazy(async () => (await import('./commands/container/restart.ts')).restart),
  },
  {
    name: 'rm',
    aliases: ['remove'],
    flat: 'rm',
    summary: 'Remove containers',
    load: lazy(async () => (await import('./commands/container/rm.ts')).rm),
  },
  {
    name: 'run',
    flat: 'run',
    summary: 'Create a container from an image and start it',
    load: lazy(async () => (await import('./commands/container/run.ts')).run),
  },
  {
    name: 'start',
    flat: 'start',
    summary: 'Start containers that do not run',
    load: lazy(async () => (await import('./commands/container/start.ts')).start),
  },
  { name: 'stats', flat: 'stats', summary: 'Show what containers use, as it changes' },
  {
    name: 'stop',
    flat: 'stop',
    summary: 'Stop running containers',
    load: lazy(async () => (await import('./commands/container/stop.ts')).stop),
  },
  { name: 'top', flat: 'top', summary: 'List the processes of a container' },
  {
    name: 'unpause',
    flat: 'unpause',
    summary: 'Let frozen containers run on',
    load: lazy(async () => (await import('./commands/container/unpause.ts')).unpause),
  },
  { name: 'update', flat: 'update', summary: "Change containers' limits" },
  {
    name: 'wait',
    flat: 'wait',
    summary: 'Wait until containers end and print their exit codes',
    load: lazy(async () => (await import('./commands/container/wait.ts')).wait),
  },
];

const image: readonly Omit<Entry, 'group'>[] = [
  {
    name: 'bootstrap',
    summary: "Make a base image of the distribution's own packages",
    load: lazy(async () => (await import('./bootstrap/command.ts')).bootstrapCommand),
  },
  { name: 'build', flat: 'build', summary: 'Build an image from a Dockerfile' },
  {
    name: 'history',
    flat: 'history',
    summary: 'Show the steps that made an image',
    load: lazy(async () => (await import('./commands/image/history.ts')).history),
  },
  {
    name: 'import',
    flat: 'import',
    summary: "Make an image of a root file system's archive",
    load: lazy(async () => (await import('./commands/image/import.ts')).importCommand),
  },
  {
    name: 'inspect',
    summary: 'Show all that is known of images',
    load: lazy(async () => (await import('./commands/image/inspect.ts')).imageInspect),
  },
  {
    name: 'load',
    flat: 'load',
    summary: 'Load images from an archive',
    load: lazy(async () => (await import('./commands/image/load.ts')).load),
  },
  {
    name: 'ls',
    aliases: ['list'],
    flat: 'images',
    summary: 'List images',
    load: lazy(async () => (await import('./commands/image/ls.ts')).imageLs),
  },
  {
    name: 'prune',
    summary: 'Remove images that nothing uses',
    load: lazy(async () => (await import('./commands/image/prune.ts')).imagePrune),
  },
  { name: 'pull', flat: 'pull', summary: 'Fetch an image from its registry' },
  { name: 'push', flat: 'push', summary: 'Send an image to its registry' },
  {
    name: 'rm',
    aliases: ['remove'],
    flat: 'rmi',
    summary: 'Remove images',
    load: lazy(async () => (await import('./commands/image/rm.ts')).imageRm),
  },
  {
    name: 'save',
    flat: 'save',
    summary: 'Write images as an archive',
    load: lazy(async () => (await import('./commands/image/save.ts')).save),
  },
  {
    name: 'tag',
    flat: 'tag',
    summary: 'Give an image another name',
    load: lazy(async () => (await import('./commands/image/tag.ts')).tag),
  },
];

const network: readonly Omit<Entry, 'group'>[] = [
  { name: 'connect', summary: 'Put a container into a network' },
  { name: 'create', summary: 'Create a network' },
  { name: 'disconnect', summary: 'Take a container out of a network' },
  {
    name: 'inspect',
    summary: 'Show all that is known of networks',
    load: lazy(async () => (await import('./commands/network/inspect.ts')).networkInspect),
  },
  {
    name: 'ls',
    aliases: ['list'],
    summary: 'List networks',
    load: lazy(async () => (await import('./commands/network/ls.ts')).networkLs),
  },
  { name: 'prune', summary: 'Remove networks that nothing uses' },
  { name: 'rm', aliases: ['remove'], summary: 'Remove networks' },
];

const volume: readonly Omit<Entry, 'group'>[] = [
  {
    name: 'create',
    summary: 'Create a volume',
    load: lazy(async () => (await import('./commands/volume/create.ts')).volumeCreate),
  },
  {
    name: 'inspect',
    summary: 'Show all that is known of volumes',
    load: lazy(async () => (await import('./commands/volume/inspect.ts')).volumeInspect),
  },
  {
    name: 'ls',
    aliases: ['list'],
    summary: 'List volumes',
    load: lazy(async () => (await import('./commands/volume/ls.ts')).volumeLs),
  },
  {
    name: 'prune',
    summary: 'Remove volumes that nothing uses',
    load: lazy(async () => (await import('./commands/volume/prune.ts')).volumePrune),
  },
  {
    name: 'rm',
    aliases: ['remove'],
    summary: 'Remove volumes',
    load: lazy(async () => (await import('./commands/volume/rm.ts')).volumeRm),
  },
];

const system: readonly Omit<Entry, 'group'>[] = [
  { name: 'df', summary: 'Show what takes disk space' },
  {
    name: 'events',
    flat: 'events',
    summary: 'Show what happens in the engine, as it happens',
    load: lazy(async () => (await import('./commands/system/events.ts')).events),
  },
  {
    name: 'info',
    flat: 'info',
    summary: 'Describe the engine',
    load: lazy(async () => (await import('./commands/system/info.ts')).info),
  },
  {
    name: 'prune',
    summary: 'Remove what nothing uses',
    load: lazy(async () => (await import('./commands/system/prune.ts')).systemPrune),
  },
];

/** Commands outside every group. */
const alone: readonly Omit<Entry, 'group' | 'flat'>[] = [
  { name: 'bake', summary: 'Build what a file names' },
  { name: 'compose', summary: 'Run applications of several containers' },
  {
    name: 'inspect',
    summary: 'Show all that is known of any object',
    load: lazy(async () => (await import('./commands/inspect.ts')).inspect),
  },
  { name: 'login', summary: 'Give credentials for a registry' },
  { name: 'logout', summary: 'Forget credentials for a registry' },
  { name: 'search', summary: 'Search a registry for images' },
  {
    name: 'version',
    summary: 'Show the versions of CLI and engine',
    load: lazy(async () => (await import('./commands/version.ts')).version),
  },
];

const inGroup = (group: string, entries: readonly Omit<Entry, 'group'>[]): readonly Entry[] =>
  entries.map((entry) => ({ group, ...entry }));

/** Every command there is. */
export const entries: readonly Entry[] = [
  ...inGroup('container', container),
  ...inGroup('image', image),
  ...inGroup('network', network),
  ...inGroup('volume', volume),
  ...inGroup('system', system),
  ...alone.map((entry) => ({ group: '', ...entry, flat: entry.name })),
];
