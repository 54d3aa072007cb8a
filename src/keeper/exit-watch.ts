import { closePidfd, exitStatusOf, openPidfd } from '#linux/pidfd';
import { exitCodeOf, signalOf } from '#linux/process';
import type { Exit, KeptProcess } from './protocol.ts';

/** What a wait status says of an exit. */
export function endOf(status: number): Pick<Exit, 'code' | 'signal'> {
  const signal = signalOf(status);
  return { code: exitCodeOf(status), ...(signal !== 0 && { signal }) };
}

/**
 * The engine's own hold on running processes: when one ends in the gap between two keepers, which then cannot tell how,
 * the kernel still tells whoever had a pidfd of it.
 */
export class ExitWatch {
  readonly #pidfds = new Map<string, number>();

  /** Begins to hold a running process. */
  add(id: string, pid: number | undefined): void {
    this.drop(id);
    const pidfd = pid === undefined ? undefined : openPidfd(pid);
    if (pidfd !== undefined) this.#pidfds.set(id, pidfd);
  }

  /** The process with its exit code, when only the code was missing and the kernel can tell it. */
  complete(kept: KeptProcess): KeptProcess {
    if (kept.exit === undefined || kept.exit.code !== undefined) return kept;
    const pidfd = this.#pidfds.get(kept.id);
    const status = pidfd === undefined ? undefined : exitStatusOf(pidfd);
    return status === undefined ? kept : { ...kept, exit: { ...kept.exit, ...endOf(status) } };
  }

  /** Lets go of one process. */
  drop(id: string): void {
    const pidfd = this.#pidfds.get(id);
    if (pidfd !== undefined) closePidfd(pidfd);
    this.#pidfds.delete(id);
  }

  /** Lets go of all. */
  close(): void {
    for (const id of [...this.#pidfds.keys()]) this.drop(id);
  }
}
