import { join } from 'node:path';
import { run } from '../test/harness/index.ts';
import type { Case } from './cases.ts';
import { docker, type Host } from './host.ts';

const network = 'bench-network';
const crowd = Array.from({ length: 100 }, (_, index) => `bench-net-${index}`);
const queries = 20_000;

async function ask(host: Host, method: string, path: string, body?: object): Promise<Response> {
  const response = await fetch(`http://engine${path}`, {
    unix: host.address.replace(/^unix:\/\//, ''),
    method,
    ...(body !== undefined && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response;
}

async function timedAsk(...call: Parameters<typeof ask>): Promise<number> {
  const startedAt = performance.now();
  await (await ask(...call)).arrayBuffer();
  return performance.now() - startedAt;
}

async function clear(host: Host): Promise<void> {
  await docker(host, 'rm', '-f', 'bench-seen', ...crowd);
  await docker(host, 'network', 'rm', network);
}

async function startOne(host: Host, ...flags: readonly string[]): Promise<void> {
  await docker(host, 'network', 'create', network);
  await docker(host, 'run', '-d', '--name', 'bench-seen', ...flags, 'busybox', 'sleep', '3600');
}

/** Time of `queries` questions for a container's own name, 32 of them on their way at any moment. */
async function resolve(host: Host): Promise<number> {
  const pid = (await docker(host, 'inspect', '-f', '{{.State.Pid}}', 'bench-seen')).stdout.trim();
  const client = [process.execPath, join(import.meta.dir, 'dns-client.ts'), 'bench-seen', String(queries)];
  const asked = await run(['nsenter', `--net=/proc/${pid}/ns/net`, ...client]);
  if (asked.code !== 0) throw new Error(asked.stderr);
  return Number(asked.stdout);
}

/** The slowest but five of a hundred starts at once. */
async function startCrowd(host: Host): Promise<number> {
  await Promise.all(crowd.map((name) => ask(host, 'POST', `/containers/${name}/kill`).catch(() => undefined)));
  await Promise.all(crowd.map((name) => ask(host, 'POST', `/containers/${name}/wait`)));
  const took = await Promise.all(crowd.map((name) => timedAsk(host, 'POST', `/containers/${name}/start`)));
  return took.sort((one, other) => one - other)[94] ?? Number.NaN;
}

/** Networks of users, at the socket: no client's own time is in it. */
export const networkCases: readonly Case[] = [
  {
    name: 'network-create',
    goal: '≤ 0.5',
    async sample(host) {
      const tookMs = await timedAsk(host, 'POST', '/networks/create', { Name: network });
      await ask(host, 'DELETE', `/networks/${network}`);
      return tookMs;
    },
  },
  {
    name: 'connect',
    goal: '≤ 0.25',
    prepare: startOne,
    async sample(host) {
      const body = { Container: 'bench-seen' };
      const tookMs = await timedAsk(host, 'POST', `/networks/${network}/connect`, body);
      return tookMs + (await timedAsk(host, 'POST', `/networks/${network}/disconnect`, body));
    },
    clear,
  },
  {
    name: 'start100-p95',
    goal: '≤ 0.25',
    async prepare(host) {
      await docker(host, 'network', 'create', network);
      for (const name of crowd)
        await docker(host, 'create', '--network', network, '--name', name, 'busybox', 'sleep', '3600');
    },
    sample: startCrowd,
    clear,
  },
  {
    name: `resolve-${queries}`,
    goal: '≤ 0.33',
    prepare: (host) => startOne(host, '--network', network),
    sample: resolve,
    clear,
  },
];
