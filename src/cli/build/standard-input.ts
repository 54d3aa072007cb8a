import { fail } from '#std/errors';
import { unpackTree } from '../archive/unpack.ts';
import { fileSystem } from '../builtins.ts';

const dockerfileMaxBytes = 16 * 1024 * 1024;
const tarBlockBytes = 512;

/** All of a stream, which is a Dockerfile. */
export async function readFrom(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const piece of stream) {
    pieces.push(piece);
    sizeBytes += piece.length;
    if (sizeBytes > dockerfileMaxBytes) throw fail('invalid-argument', 'the Dockerfile is larger than 16 MiB');
  }
  return Buffer.concat(pieces);
}

/** Takes at least so many bytes off the front, if there are so many. */
async function head(iterator: AsyncIterator<Uint8Array>, bytes: number): Promise<Buffer> {
  let all = Buffer.alloc(0);
  while (all.length < bytes) {
    const { done, value } = await iterator.next();
    if (done) break;
    all = Buffer.concat([all, value]);
  }
  return all;
}

async function* resumed(first: Buffer, iterator: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
}

const compressions: readonly { readonly magic: Buffer; readonly command: readonly string[] }[] = [
  { magic: Buffer.from([0x1f, 0x8b]), command: ['gzip', '-dc'] },
  { magic: Buffer.from('BZh'), command: ['bzip2', '-dc'] },
  { magic: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a]), command: ['xz', '-dc'] },
  { magic: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), command: ['zstd', '-dc'] },
];

/**
 * Unpacks an archive, compressed or not, below a directory; false when it is none, but a Dockerfile, which is then put there
 * under that name.
 */
export async function unpackTar(stream: AsyncIterable<Uint8Array>, directory: string): Promise<boolean> {
  const iterator = stream[Symbol.asyncIterator]();
  const first = await head(iterator, tarBlockBytes);
  const compression = compressions.find(({ magic }) => first.subarray(0, magic.length).equals(magic));
  if (compression !== undefined) {
    const child = Bun.spawn([...compression.command], {
      stdin: new Response(resumed(first, iterator)),
      stdout: 'pipe',
      stderr: 'inherit',
    });
    await unpackTree(child.stdout, { directory, rename: undefined });
    if ((await child.exited) !== 0) throw fail('invalid-argument', 'the context is a damaged archive');
    return true;
  }
  if (first.subarray(257, 262).toString('latin1') === 'ustar') {
    await unpackTree(resumed(first, iterator), { directory, rename: undefined });
    return true;
  }
  fileSystem().writeFileSync(`${directory}/Dockerfile`, await readFrom(resumed(first, iterator)));
  return false;
}
