import { closeSync, ftruncateSync, mkdirSync, openSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A small ext4 disk on a loop device, which can be frozen and filled. */
export class TestDisk implements Disposable {
  readonly path: string;
  #frozen = false;

  constructor(directory: string, megabytes: number) {
    this.path = join(directory, 'disk');
    const image = join(directory, 'disk.img');
    mkdirSync(this.path);
    const file = openSync(image, 'w');
    ftruncateSync(file, megabytes * 1024 * 1024);
    closeSync(file);
    run('mkfs.ext4', '-q', '-O', '^has_journal', '-m', '0', image);
    run('mount', '-o', 'loop', image, this.path);
  }

  /** From now on every write waits. */
  freeze(): void {
    run('fsfreeze', '--freeze', this.path);
    this.#frozen = true;
  }

  thaw(): void {
    run('fsfreeze', '--unfreeze', this.path);
    this.#frozen = false;
  }

  /** Fills the disk with one file, but for so many megabytes. */
  fill(path: string, spareMegabytes: number): void {
    const { bavail, bsize } = statfsSync(this.path);
    const file = openSync(path, 'w');
    const block = Buffer.alloc(64 * 1024, 1);
    for (let left = bavail * bsize - spareMegabytes * 1024 * 1024; left > 0; left -= block.length)
      writeSync(file, block);
    closeSync(file);
  }

  [Symbol.dispose](): void {
    if (this.#frozen) this.thaw();
    run('umount', '--lazy', this.path);
  }
}

function run(...command: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(command);
  if (exitCode !== 0) throw new Error(`${command.join(' ')}: ${stderr.toString()}`);
}
