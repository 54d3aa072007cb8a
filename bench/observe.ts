import type { Case } from './cases.ts';
import { docker, type Host } from './host.ts';

const crowd = 200;

function socketOf(host: Host): string {
  return host.address.replace(/^unix:\/\//, '');
}

/** A GET at the socket as one sample, or several one after the other, each answer read whole. */
function request(path: string, times = 1): (host: Host) => Promise<number> {
  return async (host) => {
    const startedAt = performance.now();
    for (let done = 0; done < times; done++) {
      const response = await fetch(`http://engine${path}`, { unix: socketOf(host) });
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`GET ${path}: ${response.status}`);
    }
    return performance.now() - startedAt;
  };
}

async function startOne(host: Host): Promise<void> {
  await docker(host, 'rm', '-f', 'bench-seen');
  await docker(host, 'run', '-d', '--name', 'bench-seen', 'busybox', 'sleep', '3600');
}

async function removeOne(host: Host): Promise<void> {
  await docker(host, 'rm', '-f', 'bench-seen');
}

const names = Array.from({ length: crowd }, (_, index) => `bench-crowd-${index}`);

async function createCrowd(host: Host): Promise<void> {
  for (const name of names) await docker(host, 'create', '--name', name, 'busybox', 'true');
}

async function removeCrowd(host: Host): Promise<void> {
  await docker(host, 'rm', '-f', ...names);
}

/** What is asked of the engine about containers, at the socket: no client's own time is in it. */
export const observeCases: readonly Case[] = [
  {
    name: 'stats',
    goal: '≤ 0.1',
    prepare: startOne,
    sample: request('/containers/bench-seen/stats?stream=false'),
    clear: removeOne,
  },
  { name: 'top', goal: '≤ 0.6', prepare: startOne, sample: request('/containers/bench-seen/top'), clear: removeOne },
  {
    name: 'inspect-100',
    goal: '≤ 1',
    prepare: startOne,
    sample: request('/containers/bench-seen/json', 100),
    clear: removeOne,
  },
  {
    name: `ps-a-${crowd}`,
    goal: '≤ 1',
    prepare: createCrowd,
    sample: request('/containers/json?all=1'),
    clear: removeCrowd,
  },
];
