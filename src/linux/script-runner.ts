import { dlopen, ptr } from 'bun:ffi';
import { closeSync, writeSync } from 'node:fs';
import type { Subprocess } from 'bun';
import { lazy } from '#std/lazy';
import { check } from './errno.ts';
import { sendDescriptors } from './fd-passing.ts';
import { scriptProgram } from './script-program.ts';

const library = lazy(
  () =>
    dlopen('libc.so.6', {
      fcntl: { args: ['i32', 'i32', 'i64'], returns: 'i32' },
      memfd_create: { args: ['ptr', 'u32'], returns: 'i32' },
      socketpair: { args: ['i32', 'i32', 'i32', 'ptr'], returns: 'i32' },
    }).symbols,
);

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
/** Neither seals, size nor content can change any more. */
const allSeals = 1n | 2n | 4n | 8n;
const reportBytes = 16;

/** What a script tells: a word of its choice, in answer to the number that it was sent with. */
export interface ScriptReport {
  readonly kind: number;
  readonly job: number;
  readonly value: bigint;
}

/** Whether scripts can run here: the program is machine code of one kind. */
export const canRunScripts = process.arch === 'x64';

function sealedProgram(): number {
  const { memfd_create, fcntl } = library();
  const name = Buffer.from('estiba-scripts\0');
  const file = check('memfd_create', memfd_create(ptr(name), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  writeSync(file, scriptProgram());
  check('fcntl', fcntl(file, F_ADD_SEALS, allSeals));
  return file;
}

function packetPair(): [number, number] {
  const pair = new Int32Array(2);
  check('socketpair', library().socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ptr(pair)));
  return [pair[0] ?? -1, pair[1] ?? -1];
}

/**
 * The process that runs scripts, each in a child of its own: `script-program.ts`. Its file is a sealed one in memory, so
 * that a process of a container that gets hold of it through /proc can change nothing. It ends with us.
 */
export class ScriptRunner implements Disposable {
  readonly #socket: number;
  readonly #child: Subprocess<number, 'pipe', 'ignore'>;
  #closed = false;

  /** `title` is what it is called in lists of processes; `onReport` hears what scripts write, `onGone` of its end. */
  constructor(title: readonly string[], onReport: (report: ScriptReport) => void, onGone: () => void) {
    const program = sealedProgram();
    const [own, other] = packetPair();
    try {
      this.#child = Bun.spawn([`/proc/self/fd/${program}`, ...title.slice(1)], {
        argv0: title[0] ?? 'estiba',
        stdio: [other, 'pipe', 'ignore'],
        cwd: '/',
        env: {},
      });
      this.#socket = own;
    } catch (error) {
      closeSync(own);
      throw error;
    } finally {
      closeSync(program);
      closeSync(other);
    }
    this.#child.unref();
    void this.#listen(onReport).then(() => {
      if (this.#closed) return;
      this[Symbol.dispose]();
      onGone();
    });
  }

  /** Pid of the program. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Sends an encoded script, and copies of descriptors that it will find as 3, 4, …; false when it cannot take more now. */
  run(script: Uint8Array, descriptors: readonly number[]): boolean {
    return !this.#closed && sendDescriptors(this.#socket, script, descriptors);
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#socket);
  }

  async #listen(onReport: (report: ScriptReport) => void): Promise<void> {
    let rest: Buffer = Buffer.alloc(0);
    try {
      for await (const bytes of this.#child.stdout) {
        rest = rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([rest, bytes]);
        for (; rest.length >= reportBytes; rest = rest.subarray(reportBytes)) {
          onReport({ kind: rest.readUInt32LE(0), job: rest.readUInt32LE(4), value: rest.readBigInt64LE(8) });
        }
      }
    } catch {
      // It is gone.
    }
  }
}
