import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileTypes, inodeOf, statAt } from '#linux/file-tree';
import { type LayerUnpacker, unpackLayer } from '#store';
import type { IndexRecord } from './directory-index.ts';
import { keptNames, settleDirectory } from './kept-directory.ts';
import { encodeStat } from './packet.ts';
import { digestOfFile } from './repair.ts';
import { transferStatOf, walkTree } from './walk.ts';

/** A directory made of a tar: the context of a classic build. It has an index as one that was received, but is not kept. */
export class UnpackedTar {
  readonly #directory: string;
  readonly #files: string;
  /** By inode: a tar may have a name twice, or reach a file by a link. */
  readonly #digests = new Map<string, Uint8Array>();
  readonly #unpacker: LayerUnpacker;
  receivedBytes = 0;

  constructor(directory: string) {
    this.#directory = directory;
    this.#files = join(directory, keptNames.files);
    mkdirSync(this.#files, { recursive: true, mode: 0o755 });
    const onFile = (descriptor: number, digest: Uint8Array | undefined): void => {
      const file = statAt(descriptor);
      if (file === undefined) return;
      if (digest === undefined) this.#digests.delete(inodeOf(file));
      else this.#digests.set(inodeOf(file), digest);
    };
    this.#unpacker = unpackLayer(this.#files, { resetsOwner: true, onFile });
  }

  /** A piece of the tar. Throws `invalid-argument` for one that is damaged, or wants to be where it may not. */
  async write(chunk: Uint8Array): Promise<void> {
    this.receivedBytes += chunk.length;
    await this.#unpacker.write(chunk);
  }

  /** The tar is at its end; writes down what is there. */
  settle() {
    const { sizeBytes } = this.#unpacker.close();
    const records: IndexRecord[] = [];
    for (const file of walkTree(this.#files, () => true)) {
      const isFile = (file.file.mode & fileTypes.mask) === fileTypes.file;
      // Of a file with holes it is not known yet.
      const digest = isFile ? (this.#digests.get(inodeOf(file.file)) ?? digestOfFile(file)) : undefined;
      records.push({
        stat: encodeStat(transferStatOf(file)),
        ...(digest !== undefined && { digest }),
        isHardLink: false,
      });
    }
    const { treeDigest } = settleDirectory(this.#directory, records);
    const { receivedBytes } = this;
    return { isChanged: true, treeDigest, sizeBytes, receivedBytes, requestedFiles: 0, entries: records.length };
  }

  close(): void {
    this.#unpacker.abandon();
  }
}
