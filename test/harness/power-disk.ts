import { ptr } from 'bun:ffi';
import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check, libc } from '#linux/errno';
import { linesOf, until } from './processes.ts';

const library = libc({ ioctl: { args: ['i32', 'u64', 'ptr'], returns: 'i32' } });
/** EXT4_IOC_SHUTDOWN, and its flag that leaves the journal as it is on disk. */
const shutdown = 0x8004587dn;
const withoutLogFlush = 2;
const counterProgram = join(import.meta.dir, 'power-cut.fixture.ts');

/** Stops a file system at once: what is not on disk by now never comes there, not even what its journal was about to hold. */
export function cutPower(descriptor: number): void {
  check('ioctl EXT4_IOC_SHUTDOWN', library().ioctl(descriptor, shutdown, ptr(new Uint32Array([withoutLogFlush]))));
}

/** A cut that waits for its time. */
export interface PowerCut {
  /** How many changes there were, when it has come, or was stopped. */
  readonly counted: Promise<number>;
  stop(): Promise<number>;
}

/**
 * A small ext4 disk whose power can be cut. It is mounted only in the mount namespace of the process that uses it: no other
 * process can hold it, so that it is unmounted when the last one of that namespace is gone, and mounted anew by the next.
 */
export class PowerDisk implements AsyncDisposable {
  readonly #image: string;
  /** Where it is mounted, as its users see it. */
  readonly path: string;
  readonly directory = mkdtempSync(join(tmpdir(), 'estiba-power-'));

  constructor(megabytes: number) {
    this.path = join(this.directory, 'disk');
    this.#image = join(this.directory, 'image');
    mkdirSync(this.path);
    const file = openSync(this.#image, 'w');
    ftruncateSync(file, megabytes * 1024 * 1024);
    closeSync(file);
    const { exitCode, stderr } = Bun.spawnSync(['mkfs.ext4', '-q', '-F', this.#image]);
    if (exitCode !== 0) throw new Error(`mkfs.ext4: ${stderr.toString()}`);
  }

  /** A command that mounts the disk in a mount namespace of its own and becomes `command` there. */
  within(command: readonly string[]): string[] {
    const script = 'mount -o loop "$1" "$2" && shift 2 && exec "$@"';
    return [
      'unshare',
      '--mount',
      '--propagation',
      'private',
      'sh',
      '-c',
      script,
      'sh',
      this.#image,
      this.path,
      ...command,
    ];
  }

  /** The disk as this process reaches it, by way of one that runs there. */
  seenThrough(pid: number): string {
    return join(`/proc/${pid}/root`, this.path);
  }

  /**
   * Cuts the power after so many changes of files and directories, counted from now on; without a number it only counts.
   * `pid` is a process that runs there.
   */
  async cutAfter(changes: number | undefined, pid: number): Promise<PowerCut> {
    const parameters = [this.seenThrough(pid), ...(changes === undefined ? [] : [String(changes)])];
    const counter = Bun.spawn([process.execPath, counterProgram, ...parameters], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'inherit',
    });
    const lines = linesOf(counter.stdout);
    if ((await lines.next()).value !== 'counting') throw new Error('the changes of the disk cannot be counted');
    const counted = lines.next().then(async ({ value }) => {
      await counter.exited;
      return Number(value);
    });
    return {
      counted,
      stop() {
        counter.stdin.end();
        return counted;
      },
    };
  }

  /** Cuts the power; `pid` is a process that runs there. */
  cut(pid: number): void {
    const root = openSync(this.seenThrough(pid), 'r');
    try {
      cutPower(root);
    } finally {
      closeSync(root);
    }
  }

  /** The processes of the namespaces that have it mounted. */
  users(): number[] {
    return readdirSync('/proc').flatMap((entry) => {
      try {
        return /^\d+$/.test(entry) && readFileSync(`/proc/${entry}/mountinfo`, 'utf8').includes(` ${this.path} `)
          ? [Number(entry)]
          : [];
      } catch {
        return [];
      }
    });
  }

  /** Waits until nobody has it mounted any more. */
  async unmounted(): Promise<void> {
    await until(
      'the disk to be unmounted',
      () => Bun.spawnSync(['losetup', '-j', this.#image]).stdout.length === 0,
      30_000,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unmounted();
    rmSync(this.directory, { recursive: true });
  }
}
