import { afterEach, expect, test } from 'bun:test';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  cgroupDirectory,
  cgroupLayout,
  detectCgroups,
  freeze,
  killAll,
  listCgroups,
  oomKills,
  processes,
  removeCgroup,
  thaw,
} from './cgroups.ts';
import type { MountEntry } from './mount.ts';

const parent = `/cgroups-test-${process.pid}`;
const children: Bun.Subprocess[] = [];

afterEach(async () => {
  await killAll(parent);
  for (const child of children.splice(0)) await child.exited;
  expect(removeCgroup(parent)).toBe(true);
});

function make(path: string): void {
  for (const root of cgroupLayout().roots) mkdirSync(join(root, path), { recursive: true });
}

/** A process in the cgroup, in all hierarchies. */
function spawnIn(path: string, ...command: string[]): Bun.Subprocess {
  const files = cgroupLayout().roots.map((root) => join(root, path, 'cgroup.procs'));
  // cpuset takes no process before it has processors and memory, from its parent's.
  const cpuset = cgroupLayout().version === 1 ? cgroupLayout().hierarchies.get('cpuset') : undefined;
  let directory = cpuset ?? '';
  for (const part of cpuset === undefined ? [] : path.split('/').filter(Boolean)) {
    for (const name of ['cpuset.cpus', 'cpuset.mems']) {
      writeFileSync(join(directory, part, name), readFileSync(join(directory, name), 'utf8').trim());
    }
    directory = join(directory, part);
  }
  const script = `${files.map((file) => `echo $$ > ${file}`).join(' && ')} && exec "$@"`;
  const child = Bun.spawn(['sh', '-c', script, 'sh', ...command], { stdio: ['ignore', 'ignore', 'inherit'] });
  children.push(child);
  return child;
}

async function until(done: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!done()) {
    if (performance.now() > deadline) throw new Error('waited in vain');
    await Bun.sleep(1);
  }
}

function stateOf(pid: number): string {
  return /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
}

function entry(target: string, type: string, options: string): MountEntry {
  return {
    id: 0,
    parentId: 0,
    device: '0:0',
    root: '/',
    target,
    flags: [],
    propagation: [],
    type,
    source: type,
    options,
  };
}

test('layouts: unified, separate, and hybrid with an empty unified tree', () => {
  const unified = mkdtempSync(join(tmpdir(), 'cgroups-test-'));
  try {
    const v2 = entry(unified, 'cgroup2', 'rw');
    const v1 = [
      entry('/c/cpu,cpuacct', 'cgroup', 'rw,cpu,cpuacct'),
      entry('/c/systemd', 'cgroup', 'rw,xattr,name=systemd'),
    ];
    writeFileSync(join(unified, 'cgroup.controllers'), 'cpuset cpu io memory pids\n');
    expect(detectCgroups([v2])).toMatchObject({ version: 2, roots: [unified] });
    writeFileSync(join(unified, 'cgroup.controllers'), 'hugetlb\n');
    const hybrid = detectCgroups([...v1, v2]);
    expect(hybrid).toMatchObject({ version: 1, roots: ['/c/cpu,cpuacct', '/c/systemd'] });
    expect([...hybrid.hierarchies]).toEqual([
      ['cpu', '/c/cpu,cpuacct'],
      ['cpuacct', '/c/cpu,cpuacct'],
      ['name=systemd', '/c/systemd'],
    ]);
    expect(() => detectCgroups([])).toThrow('no hierarchy is mounted');
  } finally {
    rmSync(unified, { recursive: true });
  }
});

test('lists, finds processes below, and removes children first', async () => {
  make(`${parent}/a/inner`);
  make(`${parent}/b`);
  expect(listCgroups(parent).toSorted()).toEqual(['a', 'b']);
  expect(processes(`${parent}/a`)).toEqual([]);
  expect(processes('/cgroups-test-absent')).toEqual([]);
  const child = spawnIn(`${parent}/a/inner`, 'sleep', '60');
  await until(() => processes(`${parent}/a`).includes(child.pid));
  expect(removeCgroup(`${parent}/a`)).toBe(false);
  expect(await killAll(`${parent}/a`)).toBe(true);
  await child.exited;
  expect(removeCgroup(`${parent}/a`)).toBe(true);
  expect(removeCgroup(`${parent}/a`)).toBe(true);
  expect(listCgroups(parent)).toEqual(['b']);
  expect(oomKills(`${parent}/b`)).toBe(0);
  expect(oomKills(`${parent}/absent`)).toBe(0);
});

test('frozen processes stand still until they are thawed, and die when killed', async () => {
  make(`${parent}/a`);
  const path = join(mkdtempSync(join(tmpdir(), 'cgroups-test-')), 'ticks');
  const child = spawnIn(`${parent}/a`, 'sh', '-c', `while :; do echo >> ${path}; done`);
  try {
    await until(() => existsSync(path));
    await freeze(`${parent}/a`);
    expect(['D', 'S']).toContain(stateOf(child.pid));
    const frozenAt = readFileSync(path).length;
    expect(readFileSync(path).length).toBe(frozenAt);
    await thaw(`${parent}/a`);
    await until(() => readFileSync(path).length > frozenAt);
    await freeze(`${parent}/a`);
    expect(await killAll(`${parent}/a`)).toBe(true);
    await child.exited;
    expect(child.signalCode).toBe('SIGKILL');
  } finally {
    rmSync(join(path, '..'), { recursive: true });
  }
});

test('a process that forks without end is caught', async () => {
  make(`${parent}/a`);
  const child = spawnIn(`${parent}/a`, 'sh', '-c', 'f() { sleep 60 & f; }; f');
  await until(() => processes(`${parent}/a`).length > 20);
  expect(await killAll(`${parent}/a`)).toBe(true);
  await child.exited;
  expect(processes(`${parent}/a`)).toEqual([]);
});

test('a process killed for want of memory is counted', async () => {
  make(`${parent}/a`);
  const directory = cgroupDirectory(`${parent}/a`, 'memory');
  if (directory === undefined) throw new Error('no memory controller');
  const file = cgroupLayout().version === 2 ? 'memory.max' : 'memory.limit_in_bytes';
  writeFileSync(join(directory, file), String(4 << 20));
  const swap = join(directory, cgroupLayout().version === 2 ? 'memory.swap.max' : 'memory.memsw.limit_in_bytes');
  if (existsSync(swap)) writeFileSync(swap, cgroupLayout().version === 2 ? '0' : String(4 << 20));
  const child = spawnIn(`${parent}/a`, 'dd', 'if=/dev/zero', 'of=/dev/null', 'bs=64M', 'count=1');
  await child.exited;
  expect(oomKills(`${parent}/a`)).toBeGreaterThan(0);
});
