import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { acceptUnix, listenUnix, receiveDescriptors } from '#linux/fd-passing';
import { closeDescriptor, setNonBlocking } from '#linux/fifo';

let serial = 0;

/**
 * The socket to which the OCI runtime sends a terminal's master (runc's terminals.md, "detached new terminal"). The
 * runtime has sent it by the time it exits, so nothing needs to wait for it.
 */
export class ConsoleSocket implements Disposable {
  readonly path: string;
  readonly #listener: number;

  constructor(execRoot: string) {
    // Not in the process's own directory: a unix socket's path may have 107 bytes, and ids are long.
    this.path = join(execRoot, `console.${process.pid}.${serial++}`);
    this.#listener = listenUnix(this.path);
  }

  /** The terminal's master, non-blocking; undefined when none was sent. */
  receive(): number | undefined {
    const connection = acceptUnix(this.#listener);
    if (connection === undefined) return undefined;
    try {
      const [master, ...others] = receiveDescriptors(connection, 4096)?.descriptors ?? [];
      for (const other of others) closeDescriptor(other);
      if (master !== undefined) setNonBlocking(master);
      return master;
    } finally {
      closeDescriptor(connection);
    }
  }

  [Symbol.dispose](): void {
    closeDescriptor(this.#listener);
    try {
      unlinkSync(this.path);
    } catch {
      // Somebody tidied up before us.
    }
  }
}
