import { closeSync, openSync, writeSync } from 'node:fs';
import { Digester } from '#oci';
import { fail } from '#std/errors';
import { type Compression, compressor, decompress, detectCompression } from './blobs-compression.ts';
import { followFile, type GrowingFile } from './growing-file.ts';
import { type UnpackedTree, unpackLayer } from './snapshot-unpack.ts';
import { blameStream } from './stream-errors.ts';

/** A layer's tar to be unpacked. */
export interface UnpackJob {
  /** An empty directory of our own. */
  readonly directory: string;
  /** Whether what comes in is to be hashed as it comes. */
  readonly hashesInput: boolean;
  /** Where to put a compressed copy of a tar that comes as it is. */
  readonly compressedPath?: string;
}

export interface UnpackResult extends UnpackedTree {
  readonly diffId: string;
  readonly tarSizeBytes: number;
  readonly compression: Compression;
  /** Of what came in; there when it was to be hashed, or is the tar itself. */
  readonly inputDigest?: string;
  /** Of the compressed copy. */
  readonly compressedDigest?: string;
}

type Progress = (inputBytes: number) => void;

async function* watched(
  source: AsyncIterable<Uint8Array>,
  digester: Digester | undefined,
  onProgress: Progress,
): AsyncGenerator<Uint8Array> {
  let position = 0;
  for await (const chunk of source) {
    digester?.update(chunk);
    yield chunk;
    position += chunk.length;
    onProgress(position);
  }
}

/** Compresses into a file, on another thread, what is given to it. */
class CompressedCopy {
  readonly #digester = new Digester();
  readonly #descriptor: number;
  readonly #compressor = compressor();
  readonly #ended: Promise<void>;
  /** Why the file cannot be written: what comes after it only says that the compression is over. */
  #failure: Error | undefined;

  constructor(path: string) {
    this.#descriptor = openSync(path, 'wx', 0o600);
    this.#compressor.on('data', (chunk: Buffer) => {
      try {
        this.#digester.update(chunk);
        for (let written = 0; written < chunk.length; )
          written += writeSync(this.#descriptor, chunk, written, chunk.length - written);
      } catch (error) {
        this.#failure ??= error as Error;
        this.#compressor.destroy(error as Error);
      }
    });
    this.#ended = new Promise((resolve, reject) => {
      this.#compressor.once('end', resolve);
      this.#compressor.once('error', reject);
      this.#compressor.once('close', () => reject(fail('internal', 'compression was given up')));
    });
    this.#ended.catch(() => undefined);
  }

  /** Resolves when it may be given more. */
  write(chunk: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#compressor.write(chunk, (error) => (error ? reject(this.#failure ?? error) : resolve()));
    });
  }

  async finish(): Promise<string> {
    this.#compressor.end();
    await this.#ended;
    return this.#digester.finish();
  }

  close(): void {
    this.#compressor.destroy();
    closeSync(this.#descriptor);
  }
}

async function unpackPlain(
  plain: AsyncIterable<Uint8Array>,
  job: UnpackJob,
  copy: CompressedCopy | undefined,
): Promise<UnpackedTree & { diffId: string; tarSizeBytes: number }> {
  const digester = new Digester();
  const unpacker = unpackLayer(job.directory);
  try {
    for await (const chunk of plain) {
      const copied = copy?.write(chunk);
      // Should unpacking fail first, this failure is of no interest.
      copied?.catch(() => undefined);
      digester.update(chunk);
      await unpacker.write(chunk);
      await copied;
    }
    if (digester.sizeBytes === 0) throw fail('invalid-argument', 'unexpected EOF');
    return { ...unpacker.close(), tarSizeBytes: digester.sizeBytes, diffId: digester.finish() };
  } finally {
    unpacker.abandon();
  }
}

/** Unpacks the tar that a file holds or will hold, compressed or not, and hashes it; tells how much of it is done. */
export async function runUnpackJob(job: UnpackJob, file: GrowingFile, onProgress: Progress): Promise<UnpackResult> {
  let copy: CompressedCopy | undefined;
  try {
    const input = job.hashesInput ? new Digester() : undefined;
    const { compression, source } = await detectCompression(followFile(file));
    const isPlain = compression === 'none';
    if (isPlain && job.compressedPath !== undefined) copy = new CompressedCopy(job.compressedPath);
    const counted = watched(source, isPlain ? undefined : input, onProgress);
    const tree = await unpackPlain(decompress(counted, compression), job, copy);
    const inputDigest = isPlain ? tree.diffId : input?.finish();
    return {
      ...tree,
      compression,
      ...(inputDigest === undefined ? {} : { inputDigest }),
      ...(copy === undefined ? {} : { compressedDigest: await copy.finish() }),
    };
  } catch (error) {
    throw blameStream(error);
  } finally {
    copy?.close();
  }
}
