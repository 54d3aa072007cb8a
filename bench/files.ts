import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dockerCli } from '../test/harness/index.ts';
import type { Case } from './cases.ts';
import { docker, type Host, timed } from './host.ts';
import { scratchDirectory } from './scratch.ts';

const container = 'bench-files';
const manyFiles = 10_000;
/** One file, and a directory of many, on this host. */
const local = scratchDirectory((made) => {
  writeFileSync(join(made, 'one'), 'x'.repeat(3000));
  mkdirSync(join(made, 'many'));
  for (let index = 0; index < manyFiles; index++) writeFileSync(join(made, 'many', `f${index}`), `file ${index}\n`);
});

/** A container that runs and has one small file, and as many changes as there are small files. */
async function startWithFiles(host: Host): Promise<void> {
  await remove(host);
  await docker(host, 'run', '-d', '--name', container, 'busybox', 'sleep', '36000');
  const fill = `mkdir /many && cd /many && i=0; while [ $i -lt ${manyFiles} ]; do echo "file $i" > f$i; i=$((i+1)); done`;
  const filled = await docker(host, 'exec', container, 'sh', '-c', `echo small > /one; ${fill}`);
  if (filled.code !== 0) throw new Error(filled.stderr);
}

async function remove(host: Host): Promise<void> {
  await docker(host, 'rm', '-f', container);
}

function copy(from: () => string, to: () => string): (host: Host) => Promise<number> {
  return (host) => timed([dockerCli(), 'cp', '-q', from(), to()], host);
}

async function request(host: Host, path: string): Promise<number> {
  const startedAt = performance.now();
  const response = await fetch(`http://engine${path}`, { unix: host.address.slice('unix://'.length) });
  await response.bytes();
  return performance.now() - startedAt;
}

const prepared = { prepare: startWithFiles, clear: remove };

/** Files of containers: `docker cp`, export, diff. */
export const fileCases: readonly Case[] = [
  {
    name: 'cp-in',
    goal: '≤ 0.8',
    ...prepared,
    sample: copy(
      () => join(local(), 'one'),
      () => `${container}:/tmp/one`,
    ),
  },
  {
    name: 'cp-out',
    goal: '≤ 0.8',
    ...prepared,
    sample: copy(
      () => `${container}:/one`,
      () => join(local(), 'back'),
    ),
  },
  {
    name: 'cp-10k-in',
    goal: '≤ 0.8',
    ...prepared,
    sample: copy(
      () => join(local(), 'many'),
      () => `${container}:/copied`,
    ),
  },
  {
    name: 'cp-10k-out',
    goal: '≤ 0.8',
    ...prepared,
    sample: (host) => timed([dockerCli(), 'cp', '-q', `${container}:/many`, '-'], host),
  },
  {
    name: 'cp-out-at-socket',
    ...prepared,
    sample: (host) => request(host, `/containers/${container}/archive?path=/one`),
  },
  { name: 'export', goal: '≤ 0.8', ...prepared, sample: (host) => timed([dockerCli(), 'export', container], host) },
  { name: 'diff-10k', goal: '≤ 0.5', ...prepared, sample: (host) => timed([dockerCli(), 'diff', container], host) },
  {
    name: 'diff-10k-at-socket',
    goal: '≤ 0.5',
    ...prepared,
    sample: (host) => request(host, `/containers/${container}/changes`),
  },
];
