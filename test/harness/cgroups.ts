import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerInspect } from '#api';
import { cgroupLayout } from '#linux/cgroups';
import type { TestEngine } from './engine.ts';

/** Names of one thing in the two versions of cgroups. */
export interface CgroupNames {
  readonly first: string;
  readonly second: string;
}

/** Whether this host has version 1. */
export const isCgroupFirst = (): boolean => cgroupLayout().version === 1;

/** A file of the cgroup that a container's main process is in, read on the host, by its name in this host's version. */
export async function cgroupFile(
  engine: TestEngine,
  id: string,
  controller: string,
  names: CgroupNames,
): Promise<string> {
  const { State } = await engine.get<ContainerInspect>(`/containers/${id}/json`);
  const isFirst = isCgroupFirst();
  const lines = readFileSync(`/proc/${State.Pid}/cgroup`, 'utf8').trim().split('\n');
  const row = lines.find((line) =>
    isFirst ? line.split(':')[1]?.split(',').includes(controller) : line.startsWith('0:'),
  );
  const root = cgroupLayout().hierarchies.get(controller) ?? '/';
  return readFileSync(join(root, row?.split(':')[2] ?? '/', isFirst ? names.first : names.second), 'utf8').trim();
}
