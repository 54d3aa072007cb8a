import { readFileSync } from 'node:fs';
import type { Case } from './cases.ts';
import { docker, type Host } from './host.ts';
import { familyOf } from './memory.ts';

const crowd = 50;
const measuredMs = 20_000;
const intervalMs = 1000;
/** Docker and we keep five probes of a container: all of them are new after this time. */
const observedMs = 6000;
/** USER_HZ, in which /proc counts, is 100 wherever Linux runs. */
const tickMs = 10;

const names = Array.from({ length: crowd }, (_, index) => `bench-health-${index}`);

/** Processor time of a process and of the children that it has waited for; 0 when it is gone. */
function processorMs(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0) * tickMs;
  } catch {
    return 0;
  }
}

/** Processor time inside the containers: what probes do there. */
async function insideMs(host: Host): Promise<number> {
  const unix = host.address.replace(/^unix:\/\//, '');
  const each = names.map(async (name) => {
    const response = await fetch(`http://engine/containers/${name}/stats?stream=0&one-shot=1`, { unix });
    const { cpu_stats } = (await response.json()) as { cpu_stats: { cpu_usage: { total_usage: number } } };
    return cpu_stats.cpu_usage.total_usage / 1e6;
  });
  return (await Promise.all(each)).reduce((sum, one) => sum + one, 0);
}

/** Milliseconds of processor time a second, of the engine with all that it starts, while fifty containers are probed each second. */
async function share(host: Host): Promise<number> {
  const family = familyOf(host).map(({ pid }) => pid);
  const before = family.map(processorMs);
  const insideBefore = await insideMs(host);
  const startedAt = performance.now();
  await Bun.sleep(measuredMs);
  const tookMs = performance.now() - startedAt;
  const own = family.reduce((sum, pid, index) => sum + Math.max(0, processorMs(pid) - (before[index] ?? 0)), 0);
  return ((own + (await insideMs(host)) - insideBefore) / tookMs) * 1000;
}

async function clear(host: Host): Promise<void> {
  await docker(host, 'rm', '-f', ...names);
}

async function prepare(host: Host): Promise<void> {
  await clear(host);
  const health = ['--health-cmd', 'test -e /etc/passwd', '--health-interval', '1s'];
  for (const name of names) {
    const ran = await docker(
      host,
      'run',
      '-d',
      '--network',
      'none',
      '--name',
      name,
      ...health,
      'busybox',
      'sleep',
      '3600',
    );
    if (ran.code !== 0) throw new Error(ran.stderr);
  }
}

interface Probe {
  readonly Start: string;
  readonly End: string;
}

/** How much later than a second after the one before the latest of all probes began that the engine still knows of. */
async function latest(host: Host): Promise<number> {
  await Bun.sleep(observedMs);
  const unix = host.address.replace(/^unix:\/\//, '');
  const each = names.map(async (name) => {
    const response = await fetch(`http://engine/containers/${name}/json`, { unix });
    const { State } = (await response.json()) as { State: { Health: { Log: readonly Probe[] } } };
    return State.Health.Log.slice(1).map(
      ({ Start }, index) => Date.parse(Start) - Date.parse(State.Health.Log[index]?.End ?? '') - intervalMs,
    );
  });
  return Math.max(...(await Promise.all(each)).flat());
}

/** Fifty containers whose health is probed each second: processor time for each second, and how late the latest probe is. */
export const healthCases: readonly Case[] = [
  { name: 'health-50', goal: '< 400 ms', prepare, sample: share, clear },
  { name: 'health-50-late', goal: '', prepare, sample: latest, clear },
];
