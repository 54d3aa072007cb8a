import type { GroupEntry } from '../grammar/entry.ts';

/**
 * Docker's commands that are not there yet: they are known by name, so that who types one is told that, and not that it
 * is unknown.
 */
export const laterEntries: readonly GroupEntry[] = [
  { name: 'bake', summary: 'Build what a file names' },
  { name: 'buildx', summary: 'Build images' },
  { name: 'checkpoint', summary: 'Freeze containers to files' },
  { name: 'compose', summary: 'Run applications of several containers' },
  { name: 'config', summary: 'Work with configs of a swarm' },
  { name: 'manifest', summary: 'Work with manifests of images' },
  { name: 'node', summary: 'Work with nodes of a swarm' },
  { name: 'plugin', summary: 'Work with plugins' },
  { name: 'scout', summary: 'Look for weaknesses of images' },
  { name: 'secret', summary: 'Work with secrets of a swarm' },
  { name: 'service', summary: 'Work with services of a swarm' },
  { name: 'stack', summary: 'Work with stacks of a swarm' },
  { name: 'swarm', summary: 'Work with a swarm' },
  { name: 'trust', summary: 'Work with signatures of images' },
];
