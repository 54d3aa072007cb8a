import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfinedDirectory } from '#linux/confined-directory';
import { type DirectoryIndex, type IndexRecord, readIndex, writeIndex } from './directory-index.ts';
import { type ReceivedFiles, Receiver, type ReceiverOptions } from './receiver.ts';
import { examineDirectory } from './repair.ts';

/** What a directory that is kept between transfers consists of, below its own. */
export const keptNames = { files: 'files', index: 'index', mark: 'changing' } as const;

/** Names the time since the machine was started. */
export function presentBoot(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

function startAnew(directory: string, bootId: string): DirectoryIndex {
  rmSync(join(directory, keptNames.files), { recursive: true, force: true });
  mkdirSync(join(directory, keptNames.files), { recursive: true, mode: 0o755 });
  return settle(directory, { bootId, records: [] });
}

function readMark(directory: string): string | undefined {
  const file = join(directory, keptNames.mark);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/**
 * What the directory holds. A mark tells that somebody died while it was changed: what is in its files is asked of themselves.
 * An index of another boot may speak of contents that never reached the disk: what is not as it says goes.
 */
function presentIndex(directory: string, bootId: string): DirectoryIndex {
  const files = join(directory, keptNames.files);
  if (!existsSync(files)) return startAnew(directory, bootId);
  const index = readIndex(join(directory, keptNames.index));
  const markedBoot = readMark(directory);
  if (markedBoot === undefined && index?.bootId === bootId) return index;
  const isOwnMark = markedBoot === bootId;
  if (!isOwnMark && index === undefined) return startAnew(directory, bootId);
  const records = examineDirectory(files, isOwnMark ? undefined : index?.records);
  return settle(directory, { bootId, records });
}

/** From here on the index is no longer true. */
function mark(directory: string, bootId: string): void {
  writeFileSync(join(directory, keptNames.mark), bootId, { mode: 0o600 });
}

function settle(directory: string, index: Omit<DirectoryIndex, 'treeDigest'>): DirectoryIndex {
  const treeDigest = writeIndex(join(directory, keptNames.index), index);
  rmSync(join(directory, keptNames.mark), { force: true });
  return { ...index, treeDigest };
}

/** Writes down what is in a directory that nobody keeps. */
export function settleDirectory(directory: string, records: readonly IndexRecord[]): DirectoryIndex {
  return settle(directory, { bootId: presentBoot(), records });
}

/** A transfer into a directory that is kept. Whoever has it is the only one who does. */
export class KeptTransfer {
  readonly #directory: string;
  readonly #bootId = presentBoot();
  readonly #present: DirectoryIndex;
  readonly #tree: ConfinedDirectory;
  readonly #receiver: Receiver;

  constructor(directory: string, options: Pick<ReceiverOptions, 'differ' | 'send'>) {
    this.#directory = directory;
    this.#present = presentIndex(directory, this.#bootId);
    this.#tree = new ConfinedDirectory(join(directory, keptNames.files));
    const onChange = (): void => mark(directory, this.#bootId);
    this.#receiver = new Receiver({ ...options, tree: this.#tree, present: this.#present.records, onChange });
  }

  get isFinished(): boolean {
    return this.#receiver.isFinished;
  }

  get receivedBytes(): number {
    return this.#receiver.receivedBytes;
  }

  accept(packet: Uint8Array): void {
    this.#receiver.accept(packet);
  }

  /** Writes down what is there now. */
  settle(): ReceivedFiles & { readonly treeDigest: string } {
    const result = this.#receiver.result();
    const { treeDigest } = result.isChanged
      ? settle(this.#directory, { bootId: this.#bootId, records: result.records })
      : this.#present;
    return { ...result, treeDigest };
  }

  close(): void {
    this.#receiver.abandon();
    this.#tree[Symbol.dispose]();
  }
}
