import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { docker, type Host } from './host.ts';

/** Memory of all processes of an engine, in bytes. PSS counts a page that n processes share as 1/n in each. */
export interface Memory {
  readonly rssBytes: number;
  readonly pssBytes: number;
  readonly processes: number;
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: readonly string[];
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** All processes in this process's own pid namespace: a container's own ones are not an engine's weight. */
function hostProcesses(): Process[] {
  const link = (pid: string): string => {
    try {
      return readlinkSync(join('/proc', pid, 'ns/pid'));
    } catch {
      return '';
    }
  };
  const ours = link('self');
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && link(entry) === ours)
    .map((entry) => ({
      pid: Number(entry),
      parent: Number(/^PPid:\s*(\d+)/m.exec(read(join('/proc', entry, 'status')))?.[1] ?? 0),
      command: read(join('/proc', entry, 'cmdline')).split('\0'),
    }));
}

/** The process that listens on a unix socket. */
function listenerOn(path: string, processes: readonly Process[]): Process | undefined {
  // Num RefCount Protocol Flags Type St Inode Path; flag 0x10000 is a listening socket.
  const row = read('/proc/net/unix')
    .split('\n')
    .map((text) => text.split(/\s+/))
    .find((fields) => fields[7] === path && fields[3] === '00010000');
  const target = `socket:[${row?.[6]}]`;
  const holds = (pid: number): boolean => {
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === target);
    } catch {
      return false;
    }
  };
  return processes.find(({ pid }) => holds(pid));
}

/** The listening process, its descendants, and whatever was started with one of its directories. */
export function familyOf(host: Host): Process[] {
  const processes = hostProcesses();
  const head = listenerOn(host.address.replace(/^unix:\/\//, ''), processes);
  if (head === undefined) return [];
  const roots = head.command.filter((_, index) => /^--(?:data|exec)-root$/.test(head.command[index - 1] ?? ''));
  if (roots.length === 0 && !host.isEstiba) roots.push('/run/containerd', '/var/lib/docker');
  const family = new Set<number>([head.pid]);
  for (let before = 0; before !== family.size; ) {
    before = family.size;
    for (const { pid, parent, command } of processes) {
      const named = command.some((word) => roots.some((root) => word === root || word.startsWith(`${root}/`)));
      if (family.has(parent) || (named && pid !== process.pid)) family.add(pid);
    }
  }
  return processes.filter(({ pid }) => family.has(pid));
}

/** Weighs an engine that listens on a unix socket of this machine. */
export function weigh(host: Host): Memory {
  const family = familyOf(host);
  const sum = (field: string): number =>
    family.reduce((total, { pid }) => {
      const kilobytes = new RegExp(`^${field}:\\s*(\\d+)`, 'm').exec(read(`/proc/${pid}/smaps_rollup`))?.[1];
      return total + Number(kilobytes ?? 0) * 1024;
    }, 0);
  return { rssBytes: sum('Rss'), pssBytes: sum('Pss'), processes: family.length };
}

/** Bytes (PSS) that one more running container costs, from starting `count` of them. */
export async function weighContainers(host: Host, count: number): Promise<number> {
  const before = weigh(host).pssBytes;
  const names = Array.from({ length: count }, (_, index) => `bench-weight-${index}`);
  for (const name of names) await docker(host, 'run', '-d', '--name', name, 'busybox', 'sleep', '3600');
  const after = weigh(host).pssBytes;
  await docker(host, 'rm', '-f', ...names);
  return (after - before) / count;
}
