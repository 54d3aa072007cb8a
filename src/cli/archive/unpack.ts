import { createTarReader, type TarEntry } from '#oci';
import { fail } from '#std/errors';
import { fileSystem } from '../builtins.ts';

export interface UnpackOptions {
  /** The folder that everything lands in. */
  readonly directory: string;
  /** The first segment of the names in the archive, and what stands in its place on this machine. */
  readonly rename: { readonly from: string; readonly to: string } | undefined;
}

/**
 * Puts the entries of a tar below a folder. The tar is a container's, which is not trusted: no name leads out of the
 * folder, by dots or by a link that the tar itself brought. Owners are not kept, as docker does not keep them here.
 */
class Unpacker {
  readonly #files = fileSystem();
  /** Folders that are known to be ones, and no links. */
  readonly #real = new Set<string>();
  /** Times of folders are set when all that goes into them is there. */
  readonly #folderTimes: { path: string; seconds: number }[] = [];
  #fd: number | undefined;
  #entry: TarEntry | undefined;
  #path = '';

  constructor(readonly options: UnpackOptions) {
    this.#real.add(options.directory);
  }

  entry(entry: TarEntry): void {
    this.#entry = entry;
    this.#path = this.#place(entry.path);
    if (this.#path === this.options.directory && entry.type !== 'directory') throw this.#leadsOut(entry.path);
    this.#makeRoom(entry);
    switch (entry.type) {
      case 'directory':
        if (!this.#files.existsSync(this.#path)) this.#files.mkdirSync(this.#path);
        this.#real.add(this.#path);
        break;
      case 'file':
        this.#fd = this.#files.openSync(this.#path, 'wx', 0o600);
        break;
      case 'symlink':
        this.#files.symlinkSync(utf8(entry.linkPath), this.#path);
        break;
      case 'hardlink':
        this.#files.linkSync(this.#place(entry.linkPath), this.#path);
        break;
      default:
        this.#special(entry);
    }
  }

  data(chunk: Buffer): void {
    if (this.#fd === undefined) return;
    for (let rest = chunk; rest.length > 0; ) rest = rest.subarray(this.#files.writeSync(this.#fd, rest));
  }

  end(): void {
    const entry = this.#entry;
    if (!entry || entry.type === 'hardlink') return;
    const seconds = entry.modifiedSeconds + entry.modifiedNanoseconds / 1e9;
    if (entry.type === 'symlink') {
      this.#files.lutimesSync(this.#path, seconds, seconds);
      return;
    }
    if (this.#fd !== undefined) {
      this.#files.fchmodSync(this.#fd, entry.mode);
      this.#files.futimesSync(this.#fd, seconds, seconds);
      this.#files.closeSync(this.#fd);
      this.#fd = undefined;
      return;
    }
    this.#files.chmodSync(this.#path, entry.mode);
    if (entry.type === 'directory') this.#folderTimes.push({ path: this.#path, seconds });
  }

  finish(): void {
    for (const { path, seconds } of this.#folderTimes.reverse()) this.#files.utimesSync(path, seconds, seconds);
  }

  close(): void {
    if (this.#fd !== undefined) this.#files.closeSync(this.#fd);
    this.#fd = undefined;
  }

  #leadsOut(name: string): Error {
    return fail('invalid-argument', `the archive of the container holds a name that leads out of it: ${utf8(name)}`);
  }

  /** Where an entry belongs. Folders on the way that the archive does not name are made; a link on the way is refused. */
  #place(name: string): string {
    const { directory, rename } = this.options;
    const segments = utf8(name)
      .split('/')
      .filter((part) => part !== '' && part !== '.');
    if (segments.includes('..')) throw this.#leadsOut(name);
    if (rename && segments[0] === rename.from) segments[0] = rename.to;
    let path = directory;
    for (const segment of segments) {
      this.#enter(path, name);
      path = `${path}/${segment}`;
    }
    return path;
  }

  #enter(path: string, name: string): void {
    if (this.#real.has(path)) return;
    const stats = this.#files.lstatSync(path, { throwIfNoEntry: false });
    if (!stats) this.#files.mkdirSync(path);
    else if (!stats.isDirectory()) throw this.#leadsOut(name);
    this.#real.add(path);
  }

  /** What is there is replaced by its like, but no folder by a file and no file by a folder. */
  #makeRoom(entry: TarEntry): void {
    const stats = this.#files.lstatSync(this.#path, { throwIfNoEntry: false });
    if (!stats) return;
    const isDirectory = stats.isDirectory();
    if (isDirectory && entry.type === 'directory') return;
    if (isDirectory) throw fail('invalid-argument', `cannot overwrite directory "${this.#path}" with non-directory`);
    if (entry.type === 'directory')
      throw fail('invalid-argument', `cannot overwrite non-directory "${this.#path}" with directory`);
    this.#files.rmSync(this.#path);
  }

  #special(entry: TarEntry): void {
    const { type, mode, deviceMajor, deviceMinor } = entry;
    const numbers = type === 'fifo' ? [] : [String(deviceMajor), String(deviceMinor)];
    const letter = type === 'fifo' ? 'p' : type === 'block' ? 'b' : 'c';
    const made = Bun.spawnSync(['mknod', `--mode=${mode.toString(8)}`, '--', this.#path, letter, ...numbers], {
      stderr: 'pipe',
    });
    if (made.exitCode !== 0) throw fail('invalid-argument', made.stderr.toString().trim());
  }
}

const utf8 = (name: string): string => Buffer.from(name, 'latin1').toString();

/**
 * Unpacks a tar as it comes.
 * @throws `invalid-argument` for a tar that is none or would leave the folder
 */
export async function unpackTree(archive: AsyncIterable<Uint8Array>, options: UnpackOptions): Promise<void> {
  const unpacker = new Unpacker(options);
  const reader = createTarReader(unpacker);
  try {
    for await (const bytes of archive) await reader.write(bytes);
    reader.close();
    unpacker.finish();
  } finally {
    unpacker.close();
  }
}
