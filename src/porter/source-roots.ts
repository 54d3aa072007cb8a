import { closeSync, constants as fsConstants, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { SystemCallError } from '#linux/errno';
import { openInRoot, pathOnly } from '#linux/open-in-root';

const noEntry = 2;

/** What is mounted out of another root than the engine's. */
export interface RootedSource {
  /** Byte string: the path in that root. */
  readonly source: string;
  readonly sourceRoot: string;
  /** The id of the container that the process with that root must be in: its number may be another's by now. */
  readonly sourceOwner?: string;
}

/** `process` is its directory in /proc. */
function isProcessOf(container: string, process: string): boolean {
  try {
    return readFileSync(`${process}/cgroup`, 'utf8').includes(container);
  } catch {
    return false;
  }
}

/** The roots that sources of mounts are in, each opened when it is needed and held: it stays what it is. */
export class SourceRoots implements Disposable {
  readonly #roots = new Map<string, number>();

  [Symbol.dispose](): void {
    for (const root of this.#roots.values()) closeSync(root);
    this.#roots.clear();
  }

  /** A handle (O_PATH) on a source; throws `SystemCallError`. */
  open(mount: RootedSource): number {
    const path = Buffer.from(mount.source, 'latin1').toString();
    return openInRoot(`/proc/self/fd/${this.#root(mount)}`, path, pathOnly);
  }

  #root({ sourceRoot, sourceOwner, source }: RootedSource): number {
    const known = this.#roots.get(sourceRoot);
    if (known !== undefined) return known;
    const root = openSync(sourceRoot, pathOnly | fsConstants.O_DIRECTORY);
    // Looked at once it is open: it was that process's then.
    if (sourceOwner !== undefined && !isProcessOf(sourceOwner, dirname(sourceRoot))) {
      closeSync(root);
      throw new SystemCallError('lstat', noEntry, source);
    }
    this.#roots.set(sourceRoot, root);
    return root;
  }
}
