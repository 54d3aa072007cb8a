import { rm } from 'node:fs/promises';
import { trimTree } from '#linux/remove-tree';

/** A tenth of a processor that others want too; all of one that nobody wants. */
const niceness = '10';
/** So many names fit on any command line. */
const batchSize = 256;

/** Removes a tree in this process, at once. */
export async function removeHere(tree: string): Promise<void> {
  await trimTree(tree);
  await rm(tree, { recursive: true, force: true });
}

async function removeElsewhere(trees: readonly string[]): Promise<boolean> {
  const [nice, remove] = [Bun.which('nice'), Bun.which('rm')];
  if (nice === null || remove === null) return false;
  const command = [nice, '-n', niceness, remove, '-rf', '--', ...trees];
  const child = Bun.spawn(command, { stdio: ['ignore', 'ignore', 'ignore'], cwd: '/' });
  child.unref();
  return (await child.exited) === 0;
}

/**
 * Removes large trees one after the other, in a process of low priority: whoever removes an image and pulls the next one waits
 * for the pull, not for tens of thousands of files to go.
 */
export class Removals {
  #waiting: { readonly tree: string; readonly done: () => void; readonly failed: (error: unknown) => void }[] = [];
  #isRunning = false;

  /** Resolves when it is gone. */
  remove(tree: string): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ tree, done, failed });
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    // What is taken away together goes together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, batchSize);
      const isGone = await removeElsewhere(batch.map(({ tree }) => tree)).catch(() => false);
      for (const { tree, done, failed } of batch) {
        if (isGone) done();
        else await removeHere(tree).then(done, failed);
      }
    }
    this.#isRunning = false;
  }
}
