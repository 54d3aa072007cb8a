import { readFileSync, statSync } from 'node:fs';
import { closePidfd, openPidfd } from '#linux/pidfd';
import type { ContainerRecord } from '../record.ts';
import type { ProbeTarget } from './prober.ts';

/** A running container as probes see it. */
export interface HealthTarget extends ProbeTarget, Disposable {
  readonly networkNamespace: string;
  /** Whether its user namespace is the engine's: in another one users and rights have other meanings. */
  readonly sharesUsers: boolean;
}

function describe(id: string, pid: number, pidfd: number, cgroup: string): HealthTarget | undefined {
  const userNamespace = (process: number | 'self'): number => statSync(`/proc/${process}/ns/user`).ino;
  try {
    // Its number could be another's by now.
    if (!readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(id)) return undefined;
    return {
      pidfd,
      cgroup,
      networkNamespace: `/proc/${pid}/ns/net`,
      sharesUsers: userNamespace(pid) === userNamespace('self'),
      [Symbol.dispose]: () => closePidfd(pidfd),
    };
  } catch {
    // It ended while we looked.
    return undefined;
  }
}

/** Opens the main process of a container; undefined when it is no more. The handle stays that process's for ever. */
export function openTarget({ id, life }: ContainerRecord, cgroup: string): HealthTarget | undefined {
  const pidfd = openPidfd(life.pid);
  if (pidfd === undefined) return undefined;
  const target = describe(id, life.pid, pidfd, cgroup);
  if (target === undefined) closePidfd(pidfd);
  return target;
}
