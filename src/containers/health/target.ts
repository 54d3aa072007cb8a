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

/** Opens the main process of a container; undefined when it is no more. The handle stays that process's for ever. */
export function openTarget({ id, life }: ContainerRecord, cgroup: string): HealthTarget | undefined {
  const pidfd = openPidfd(life.pid);
  if (pidfd === undefined) return undefined;
  try {
    // Its number could be another's by now.
    if (!readFileSync(`/proc/${life.pid}/cgroup`, 'utf8').includes(id)) throw new Error('another process');
    const userNamespace = (pid: number | 'self'): number => statSync(`/proc/${pid}/ns/user`).ino;
    return {
      pidfd,
      cgroup,
      networkNamespace: `/proc/${life.pid}/ns/net`,
      sharesUsers: userNamespace(life.pid) === userNamespace('self'),
      [Symbol.dispose]: () => closePidfd(pidfd),
    };
  } catch {
    closePidfd(pidfd);
    return undefined;
  }
}
