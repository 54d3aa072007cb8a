import { type GroupEntry, lazy } from '../grammar/entry.ts';

/** `image …`. */
export const imageEntries: readonly GroupEntry[] = [
  {
    name: 'bootstrap',
    summary: "Make a base image of the distribution's own packages",
    load: lazy(async () => (await import('../bootstrap/command.ts')).bootstrapCommand),
  },
  {
    name: 'build',
    flat: 'build',
    summary: 'Build an image from a Dockerfile',
    load: lazy(async () => (await import('../commands/image/build.ts')).buildCommand),
  },
  {
    name: 'check',
    summary: 'Verify images, and heal them',
    load: lazy(async () => (await import('../commands/image/check.ts')).imageCheck),
  },
  {
    name: 'diff',
    summary: 'Show how an image differs from another',
    load: lazy(async () => (await import('../commands/image/diff.ts')).imageDiff),
  },
  {
    name: 'gc',
    summary: 'Remove images that nobody uses, as the engine does to make room',
    load: lazy(async () => (await import('../commands/image/gc.ts')).imageGc),
  },
  {
    name: 'history',
    flat: 'history',
    summary: 'Show the steps that made an image',
    load: lazy(async () => (await import('../commands/image/history.ts')).history),
  },
  {
    name: 'import',
    flat: 'import',
    summary: "Make an image of a root file system's archive",
    load: lazy(async () => (await import('../commands/image/import.ts')).importCommand),
  },
  {
    name: 'inspect',
    summary: 'Show all that is known of images',
    load: lazy(async () => (await import('../commands/image/inspect.ts')).imageInspect),
  },
  {
    name: 'load',
    flat: 'load',
    summary: 'Load images from an archive',
    load: lazy(async () => (await import('../commands/image/load.ts')).load),
  },
  {
    name: 'ls',
    aliases: ['list'],
    flat: 'images',
    summary: 'List images',
    load: lazy(async () => (await import('../commands/image/ls.ts')).imageLs),
  },
  {
    name: 'prune',
    summary: 'Remove images that nothing uses',
    load: lazy(async () => (await import('../commands/image/prune.ts')).imagePrune),
  },
  {
    name: 'pull',
    flat: 'pull',
    summary: 'Fetch an image from its registry',
    load: lazy(async () => (await import('../commands/image/pull.ts')).pull),
  },
  {
    name: 'push',
    flat: 'push',
    summary: 'Send an image to its registry',
    load: lazy(async () => (await import('../commands/image/push.ts')).push),
  },
  {
    name: 'rm',
    aliases: ['remove'],
    flat: 'rmi',
    summary: 'Remove images',
    load: lazy(async () => (await import('../commands/image/rm.ts')).imageRm),
  },
  {
    name: 'save',
    flat: 'save',
    summary: 'Write images as an archive',
    load: lazy(async () => (await import('../commands/image/save.ts')).save),
  },
  {
    name: 'tag',
    flat: 'tag',
    summary: 'Give an image another name',
    load: lazy(async () => (await import('../commands/image/tag.ts')).tag),
  },
  {
    name: 'tree',
    summary: 'Show images by the layers that they share',
    load: lazy(async () => (await import('../commands/image/tree.ts')).imageTreeCommand),
  },
];
