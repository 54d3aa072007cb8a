import { afterEach, expect, test } from 'bun:test';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type IndexedFiles, readIndex, writeIndex } from './directory-index.ts';
import { KeptTransfer, keptNames } from './kept-directory.ts';
import { encodePacket, packetTypes } from './packet.ts';
import type { ReceivedFiles } from './receiver.ts';
import { type SendOptions, sendDirectory } from './sender.ts';
import { feed, folder, removeScratch, scratch, stat } from './transfer.fixture.ts';

afterEach(removeScratch);

const everything = { includePatterns: [], excludePatterns: [], followPaths: [], resetsOwner: true };

/** One side's packets as the other side's. */
class Queue {
  readonly #packets: Uint8Array[] = [];
  #wake: (() => void) | undefined;
  #isEnded = false;

  put(packet: Uint8Array): void {
    this.#packets.push(packet);
    this.#wake?.();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const packet = this.#packets.shift();
      if (packet !== undefined) yield packet;
      else if (this.#isEnded) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}

/** Sends a directory to a kept one, as a client and the receiver's process do. */
async function transfer(
  kept: string,
  options: Partial<SendOptions> & { directory: string },
  differ: 'metadata' | 'none' = 'metadata',
): Promise<ReceivedFiles> {
  const [toReceiver, toSender] = [new Queue(), new Queue()];
  const receiver = new KeptTransfer(kept, { differ, send: (packet) => toSender.put(packet) });
  try {
    const stream = {
      packets: toSender,
      send: (packet: Uint8Array) => toReceiver.put(packet),
      end: () => toReceiver.end(),
    };
    const sent = sendDirectory({ ...everything, signal: new AbortController().signal, ...options }, stream);
    sent.catch(() => undefined);
    for await (const packet of toReceiver) {
      receiver.accept(packet);
      if (receiver.isFinished) break;
    }
    const result = receiver.settle();
    toSender.put(encodePacket({ type: packetTypes.end }));
    await sent;
    return result;
  } finally {
    receiver.close();
  }
}

function listing(index: IndexedFiles): string[] {
  return [...index.entries()].map(({ path }) => path);
}

function sha256(text: string): string {
  return `sha256:${new Bun.CryptoHasher('sha256').update(text).digest('hex')}`;
}

test('a tree arrives as it is, and is not asked for again', async () => {
  const { source, kept, files, index } = scratch();
  mkdirSync(join(source, 'sub/deep'), { recursive: true });
  writeFileSync(join(source, 'one'), 'first', { mode: 0o640 });
  writeFileSync(join(source, 'sub/deep/large'), 'x'.repeat(700_000));
  writeFileSync(join(source, 'sub.txt'), '');
  symlinkSync('../nowhere', join(source, 'sub/link'));
  const socket = createServer().listen(join(source, 'zocket'));
  await new Promise((resolve) => socket.once('listening', resolve));
  linkSync(join(source, 'one'), join(source, 'sub/twin'));
  chmodSync(join(source, 'one'), 0o4750);
  utimesSync(join(source, 'one'), 1_000_000_000, 1_234_567_890.5);

  const told: number[] = [];
  const first = await transfer(kept, { directory: source, onTransfer: (bytes) => told.push(bytes) });
  expect(told.at(-1)).toBeGreaterThan(700_005);
  expect(first).toMatchObject({ isChanged: true, requestedFiles: 4, receivedBytes: 700_005, sizeBytes: 700_005 });
  expect(listing(index())).toEqual([
    'one',
    'sub',
    'sub/deep',
    'sub/deep/large',
    'sub/link',
    'sub/twin',
    'sub.txt',
    'zocket',
  ]);
  // A socket is an empty file, as Docker has it.
  expect(statSync(join(files, 'zocket')).isFile()).toBe(true);
  expect(index().get('one')).toMatchObject({ contentDigest: sha256('first'), mode: 0o104750, sizeBytes: 5 });
  expect(index().get('sub/twin')).toMatchObject({ contentDigest: sha256('first'), sizeBytes: 5 });
  expect(statSync(join(files, 'one')).mode & 0o7777).toBe(0o4750);
  expect(statSync(join(files, 'one')).mtimeMs).toBe(1_234_567_890_500);
  expect(statSync(join(files, 'sub/twin')).ino).toBe(statSync(join(files, 'one')).ino);
  expect(readlinkSync(join(files, 'sub/link'))).toBe('../nowhere');
  expect(readFileSync(join(files, 'sub/deep/large'), 'utf8')).toBe('x'.repeat(700_000));

  expect(await transfer(kept, { directory: source })).toMatchObject({ isChanged: false, requestedFiles: 0 });
  expect(await transfer(kept, { directory: source }, 'none')).toMatchObject({ isChanged: true, requestedFiles: 4 });
  await new Promise((resolve) => socket.close(resolve));
});

test('what changes is sent alone, what is gone goes, and no inode that was there is written to', async () => {
  const { source, kept, files, index } = scratch();
  mkdirSync(join(source, 'folder'));
  mkdirSync(join(source, 'leaves'));
  writeFileSync(join(source, 'folder/a'), 'aaa');
  writeFileSync(join(source, 'folder/b'), 'bbb');
  writeFileSync(join(source, 'leaves/x'), 'x');
  writeFileSync(join(source, 'turns'), 'file');
  linkSync(join(source, 'folder/a'), join(source, 'zwin'));
  await transfer(kept, { directory: source });
  // As a layer has it that was made of the directory.
  linkSync(join(files, 'folder/a'), join(kept, 'layer'));

  writeFileSync(join(source, 'folder/a'), 'AAA');
  utimesSync(join(source, 'folder/a'), 5, 5);
  chmodSync(join(source, 'folder/b'), 0o600);
  rmSync(join(source, 'leaves'), { recursive: true });
  rmSync(join(source, 'turns'));
  mkdirSync(join(source, 'turns'));
  symlinkSync('folder', join(source, 'leaves'));
  const second = await transfer(kept, { directory: source });
  expect(second).toMatchObject({ isChanged: true, requestedFiles: 2, receivedBytes: 6 });
  expect(readFileSync(join(kept, 'layer'), 'utf8')).toBe('aaa');
  expect(readFileSync(join(files, 'folder/a'), 'utf8')).toBe('AAA');
  expect(readFileSync(join(files, 'zwin'), 'utf8')).toBe('AAA');
  expect(statSync(join(files, 'folder/b')).mode & 0o777).toBe(0o600);
  expect(lstatSync(join(files, 'leaves')).isSymbolicLink()).toBe(true);
  expect(statSync(join(files, 'turns')).isDirectory()).toBe(true);
  expect(index().get('folder/a')?.contentDigest).toBe(sha256('AAA'));
  expect(listing(index())).toEqual(['folder', 'folder/a', 'folder/b', 'leaves', 'turns', 'zwin']);

  rmSync(join(source, 'leaves'));
  rmSync(join(source, 'turns'), { recursive: true });
  mkdirSync(join(source, 'leaves'));
  writeFileSync(join(source, 'leaves/y'), 'y');
  expect(await transfer(kept, { directory: source })).toMatchObject({ requestedFiles: 1 });
  expect(listing(index())).toEqual(['folder', 'folder/a', 'folder/b', 'leaves', 'leaves/y', 'zwin']);
  expect(existsSync(join(files, 'turns'))).toBe(false);
});

test('patterns and followed links choose what is sent', async () => {
  const { source, kept, index } = scratch();
  const send = async (options: Partial<SendOptions>): Promise<string[]> => {
    await transfer(kept, { directory: source, ...options });
    return listing(index());
  };
  for (const folder of ['a/b/c', 'node_modules/x', 'docs', 'real'])
    mkdirSync(join(source, folder), { recursive: true });
  for (const file of [
    'a/b/c/one.ts',
    'a/b/two.md',
    'node_modules/x/keep',
    'node_modules/x/drop',
    'docs/read.md',
    'real/file',
  ]) {
    writeFileSync(join(source, file), file);
  }
  symlinkSync('../real', join(source, 'docs/link'));
  symlinkSync('/docs/link/file', join(source, 'start'));

  expect(await send({ excludePatterns: ['**/*.md', 'node_modules', '!node_modules/*/keep'] })).toEqual([
    ...['a', 'a/b', 'a/b/c', 'a/b/c/one.ts', 'docs', 'docs/link'],
    ...['node_modules', 'node_modules/x', 'node_modules/x/keep', 'real', 'real/file', 'start'],
  ]);
  expect(await send({ includePatterns: ['a/*/c'] })).toEqual(['a', 'a/b', 'a/b/c', 'a/b/c/one.ts']);
  expect(await send({ includePatterns: ['**/*.md'] })).toEqual(['a', 'a/b', 'a/b/two.md', 'docs', 'docs/read.md']);
  expect(await send({ includePatterns: ['nothing'] })).toEqual([]);
  expect(await send({ followPaths: ['start'] })).toEqual(['docs', 'docs/link', 'real', 'real/file', 'start']);
  expect(await send({ followPaths: ['docs/l*/file'] })).toEqual(['docs', 'docs/link', 'real', 'real/file']);
  expect(await send({ followPaths: ['.', 'start'] })).toHaveLength(15);
});

test('a directory whose change was broken off is looked through, and its whole files are not sent again', async () => {
  const { source, kept, files } = scratch();
  mkdirSync(join(source, 'd'));
  writeFileSync(join(source, 'd/one'), 'one');
  writeFileSync(join(source, 'two'), 'two');
  await transfer(kept, { directory: source });
  writeFileSync(join(source, 'd/more'), 'more');
  // It dies with a file half written.
  const half = encodePacket({ type: packetTypes.data, id: 2, data: Buffer.from('h') });
  const before = { mode: folder, modifiedNs: BigInt(Math.round(statSync(join(source, 'd')).mtimeMs * 1e6)) };
  feed(kept, [stat({ path: 'd', ...before }), stat({ path: 'd/a' }), stat({ path: 'd/half' }), half]);
  expect(existsSync(join(kept, keptNames.mark))).toBe(true);
  expect(existsSync(join(files, 'd/half'))).toBe(true);
  const next = await transfer(kept, { directory: source });
  expect(next).toMatchObject({ requestedFiles: 1, isChanged: true });
  expect(existsSync(join(files, 'd/half'))).toBe(false);
  expect(existsSync(join(kept, keptNames.mark))).toBe(false);
});

test('what another boot left is believed as far as its contents are what they were', async () => {
  const { source, kept, files } = scratch();
  for (const name of ['one', 'two', 'three']) writeFileSync(join(source, name), name);
  await transfer(kept, { directory: source });
  const index = readIndex(join(kept, keptNames.index));
  writeIndex(join(kept, keptNames.index), { records: index?.records ?? [], bootId: 'another' });
  const { atimeMs, mtimeMs } = statSync(join(files, 'two'));
  writeFileSync(join(files, 'two'), '\0\0\0');
  utimesSync(join(files, 'two'), atimeMs / 1000, mtimeMs / 1000);
  writeFileSync(join(files, 'stray'), '');
  expect(await transfer(kept, { directory: source })).toMatchObject({ requestedFiles: 1 });
  expect(readFileSync(join(files, 'two'), 'utf8')).toBe('two');
  expect(existsSync(join(files, 'stray'))).toBe(false);
  // A damaged index is none.
  writeFileSync(join(kept, keptNames.index), readFileSync(join(kept, keptNames.index)).fill(1, 40, 44));
  renameSync(join(source, 'three'), join(source, 'four'));
  expect(await transfer(kept, { directory: source })).toMatchObject({ requestedFiles: 3 });
  expect(existsSync(join(files, 'three'))).toBe(false);
});
