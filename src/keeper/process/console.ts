import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { acceptUnix, listenUnix, receiveDescriptors } from '#linux/fd-passing';
import { closeDescriptor, setNonBlocking } from '#linux/fifo';
import type { Readiness } from './readiness.ts';

let serial = 0;

/**
 * The socket to which the OCI runtime sends a terminal's master (runc's terminals.md, "detached new terminal"). It does
 * so some milliseconds before it lets the process run, and has done so when it exits.
 */
export class ConsoleSocket implements Disposable {
  readonly path: string;
  readonly #readiness: Readiness;
  readonly #listener: number;
  readonly #onMaster: (master: number) => void;
  #connection: number | undefined;
  #master: number | undefined;

  /** `onMaster` is called as soon as the master came, before the process can look at its terminal. */
  constructor(execRoot: string, readiness: Readiness, onMaster: (master: number) => void) {
    // Not in the process's own directory: a unix socket's path may have 107 bytes, and ids are long.
    this.path = join(execRoot, `console.${process.pid}.${serial++}`);
    this.#readiness = readiness;
    this.#onMaster = onMaster;
    this.#listener = listenUnix(this.path);
    readiness.watch(this.#listener, 'read', () => this.#receive());
  }

  /** The terminal's master, non-blocking, the caller's to close; undefined when none was sent. */
  take(): number | undefined {
    this.#receive();
    const master = this.#master;
    this.#master = undefined;
    return master;
  }

  #receive(): void {
    if (this.#connection === undefined) {
      this.#connection = acceptUnix(this.#listener);
      if (this.#connection === undefined) return;
      this.#readiness.watch(this.#connection, 'read', () => this.#receive());
    }
    if (this.#master !== undefined) return;
    const [master, ...others] = receiveDescriptors(this.#connection, 4096)?.descriptors ?? [];
    for (const other of others) closeDescriptor(other);
    if (master === undefined) return;
    setNonBlocking(master);
    this.#master = master;
    this.#onMaster(master);
  }

  [Symbol.dispose](): void {
    for (const descriptor of [this.#connection, this.#listener]) {
      if (descriptor === undefined) continue;
      this.#readiness.unwatch(descriptor);
      closeDescriptor(descriptor);
    }
    if (this.#master !== undefined) closeDescriptor(this.#master);
    try {
      unlinkSync(this.path);
    } catch {
      // Somebody tidied up before us.
    }
  }
}
