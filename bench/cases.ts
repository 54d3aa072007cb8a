import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dockerCli, run } from '../test/harness/index.ts';
import { buildCases } from './builds.ts';
import { fileCases } from './files.ts';
import { healthCases } from './health.ts';
import { docker, type Host, timed } from './host.ts';
import { imageCases } from './images.ts';
import { networkCases } from './networks.ts';
import { observeCases } from './observe.ts';

/** One row of the table. */
export interface Case {
  readonly name: string;
  /** The ratio to the first host that the project wants. */
  readonly goal?: string;
  /** What must be there before the first sample. */
  prepare?(host: Host): Promise<void>;
  /** One sample, in milliseconds. */
  sample(host: Host): Promise<number>;
  /** Takes away what `prepare` made. */
  clear?(host: Host): Promise<void>;
}

const compiled = join(import.meta.dir, '../dist/estiba');
const launcher = join(import.meta.dir, '../bin/estiba');

/** Our own command line at our engine beside docker's at Docker's. */
function ownCli(...args: readonly string[]): (host: Host) => Promise<number> {
  const cli = existsSync(compiled) ? compiled : launcher;
  return (host) => timed([host.isEstiba ? cli : dockerCli(), ...args], host);
}

const line = 'a line of the log, of about the usual length for one';
const publish = ['-p', '127.0.0.1:18098:80'];

function series(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `bench-${index}`);
}

async function removeAll(host: Host, names: readonly string[]): Promise<void> {
  await docker(host, 'rm', '-f', ...names);
}

/** A docker command as one sample. */
function command(...args: readonly string[]): (host: Host) => Promise<number> {
  return (host) => timed([dockerCli(), ...args], host);
}

async function startTogether(host: Host): Promise<number> {
  const startedAt = performance.now();
  await Promise.all(
    series(10).map((name) => timed([dockerCli(), 'run', '-d', '--name', name, 'busybox', 'sleep', '600'], host)),
  );
  return performance.now() - startedAt;
}

async function startPublished(host: Host, count: number): Promise<void> {
  for (const [index, name] of series(count).entries()) {
    const port = `127.0.0.1:${host.firstPort + index}:80`;
    const started = await docker(host, 'run', '-d', '--name', name, '-p', port, 'busybox', 'sleep', '3600');
    if (started.code !== 0) throw new Error(started.stderr);
  }
}

async function startIdle(host: Host): Promise<void> {
  await removeAll(host, ['bench-idle']);
  await docker(host, 'run', '-d', '--name', 'bench-idle', 'busybox', 'sleep', '3600');
}

/** For what is asked about one container that does nothing. */
const oneIdle = { prepare: startIdle, clear: (host: Host) => removeAll(host, ['bench-idle']) };

function lines(count: number): string[] {
  return ['sh', '-c', `yes "${line}" | head -n ${count}`];
}

/** Every case, in the order of the table. `run-at-50` is last: it fills the host. */
export const cases: readonly Case[] = [
  { name: 'run-bridge', goal: '≤ 0.35', sample: command('run', '--rm', 'busybox', 'true') },
  { name: 'run-nonet', goal: '≤ 0.35', sample: command('run', '--rm', '--network', 'none', 'busybox', 'true') },
  { name: 'run-publish', goal: '≤ 0.35', sample: command('run', '--rm', ...publish, 'busybox', 'true') },
  {
    name: 'run-tty',
    goal: '≤ 0.35',
    sample: (host) => timed(['script', '-qec', `${dockerCli()} run --rm -it busybox true`, '/dev/null'], host),
  },
  { name: 'run-own-cli', goal: '≤ 0.25', sample: ownCli('run', '--rm', 'busybox', 'true') },
  { name: 'ps-own-cli', goal: '≤ 0.6', ...oneIdle, sample: ownCli('ps') },
  { name: 'images-own-cli', goal: '≤ 0.6', sample: ownCli('images') },
  { name: 'inspect-own-cli', goal: '≤ 0.6', ...oneIdle, sample: ownCli('inspect', 'bench-idle') },
  { name: 'help-own-cli', goal: '≤ 0.6', sample: ownCli('--help') },
  { name: 'exec', goal: '≤ 0.55', ...oneIdle, sample: command('exec', 'bench-idle', 'true') },
  { name: 'ps', goal: '≤ 1', ...oneIdle, sample: command('ps', '-q') },
  { name: 'update', goal: '≤ 0.6', ...oneIdle, sample: command('update', '--cpu-shares', '512', 'bench-idle') },
  {
    name: 'start10',
    goal: '≤ 0.3',
    async sample(host) {
      const tookMs = await startTogether(host);
      await removeAll(host, series(10));
      return tookMs;
    },
  },
  {
    name: 'rm10',
    goal: '≤ 0.25',
    async sample(host) {
      await startTogether(host);
      return timed([dockerCli(), 'rm', '-f', ...series(10)], host);
    },
  },
  {
    name: 'logs',
    goal: '≤ 0.6',
    async prepare(host) {
      await removeAll(host, ['bench-logs']);
      const environment = { DOCKER_HOST: host.address };
      await run([dockerCli(), 'run', '--name', 'bench-logs', 'busybox', ...lines(100_000)], { environment });
    },
    sample: command('logs', 'bench-logs'),
    clear: (host) => removeAll(host, ['bench-logs']),
  },
  { name: 'log-write', goal: '≤ 0.5', sample: command('run', '--rm', 'busybox', ...lines(200_000)) },
  ...observeCases,
  ...healthCases,
  ...fileCases,
  ...imageCases,
  ...buildCases,
  ...networkCases,
  {
    name: 'run-at-50',
    goal: 'as run-publish',
    prepare: (host) => startPublished(host, 50),
    sample: command('run', '--rm', ...publish, 'busybox', 'true'),
    clear: (host) => removeAll(host, series(50)),
  },
];
