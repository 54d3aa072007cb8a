import { afterAll, expect, test } from 'bun:test';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openFileReceivers, type PacketStream } from '#filesync';
import { openRecords } from '#store';
import type { LocalRequest } from '../session/session.ts';
import { openLocalDirectories } from './local-directories.ts';

const root = mkdtempSync(join(tmpdir(), 'estiba-locals-'));
const records = openRecords(join(root, 'records.db'));
const command = [process.execPath, join(import.meta.dir, '../../cmd/main.ts'), 'file-receiver'];
const parts = { records, dataRoot: root, receivers: openFileReceivers(command) };
const locals = openLocalDirectories(parts);
const kept = join(root, 'build/local');
const options = { signal: new AbortController().signal };
const context = {
  name: 'context',
  includePatterns: [],
  excludePatterns: [],
  followPaths: [],
  differ: 'metadata',
} as const;

afterAll(() => {
  locals.close();
  records[Symbol.dispose]();
  rmSync(root, { recursive: true, force: true });
});

/** A client that has one empty directory of that name (a letter), or nothing at all. */
function client(name?: string): PacketStream {
  const mode = [0xed, 0x83, 0x80, 0x80, 0x08];
  const stat = name === undefined ? [] : [Buffer.from([0x12, 9, 0x0a, 1, name.charCodeAt(0), 0x10, ...mode])];
  async function* packets(): AsyncGenerator<Uint8Array> {
    yield* [...stat, new Uint8Array(0)];
  }
  return { packets: packets(), send: () => undefined, end: () => undefined };
}

const receive = (key: string, stream: PacketStream, request: Partial<LocalRequest> = {}) =>
  locals.receive(key, { ...context, ...request }, stream, options);

test('a directory is kept for the next build of the same client, and is one build’s alone', async () => {
  const first = await receive('client', client('a'));
  expect(readdirSync(first.path)).toEqual(['a']);
  const beside = await receive('client', client('b'));
  expect(beside.path).not.toBe(first.path);
  expect(beside.digest).not.toBe(first.digest);
  const other = await receive('client', client('a'), { sharedKeyHint: 'ignore file' });
  expect([first.path, beside.path]).not.toContain(other.path);
  expect(other.digest).toBe(first.digest);
  for (const directory of [first, beside, other, other]) directory.release();
  const next = await receive('client', client());
  expect([first.path, beside.path]).toContain(next.path);
  expect(readdirSync(next.path)).toEqual([]);

  const listed = [...locals.all()];
  expect(
    listed
      .map(({ name, usageCount, isInUse }) => ({ name, usageCount, isInUse }))
      .sort((one, two) => two.usageCount - one.usageCount),
  ).toEqual([
    { name: 'context', usageCount: 2, isInUse: true },
    { name: 'context', usageCount: 1, isInUse: false },
    { name: 'context', usageCount: 1, isInUse: false },
  ]);
  const used = listed.find(({ isInUse }) => isInUse);
  expect(await locals.remove(used?.id ?? '')).toBe(false);
  next.release();
  for (const { id } of listed) expect(await locals.remove(id)).toBe(true);
  expect([...locals.all()]).toEqual([]);
  expect(readdirSync(kept)).toEqual([]);
});

test('what no later build can ask for goes when it is released, and what fails leaves nothing', async () => {
  const nameless = await receive('', client('a'));
  expect(readdirSync(nameless.path)).toEqual(['a']);
  nameless.release();
  expect(existsSync(nameless.path)).toBe(false);
  const tar = Bun.spawn(['tar', '-C', root, '-cz', 'records.db'], { stdout: 'pipe' });
  const unpacked = await locals.unpack(tar.stdout, options);
  expect(readdirSync(unpacked.path)).toEqual(['records.db']);
  expect(unpacked.index?.get('records.db')?.contentDigest).toStartWith('sha256:');
  unpacked.release();
  expect(existsSync(unpacked.path)).toBe(false);
  const endless = { ...client(), packets: (async function* (): AsyncGenerator<Uint8Array> {})() };
  await expect(receive('client', endless)).rejects.toThrow('the transfer broke off');
  expect([...locals.all()]).toEqual([]);
});

test('what breaks off is taken up by the next build', async () => {
  const whole = client('a');
  const cut = {
    ...whole,
    packets: (async function* (): AsyncGenerator<Uint8Array> {
      for await (const packet of whole.packets) if (packet.length > 0) yield packet;
    })(),
  };
  await expect(receive('hasty', cut)).rejects.toThrow('the transfer broke off');
  const [record, ...others] = [...locals.all()];
  expect(others).toEqual([]);
  expect(record).toMatchObject({ isInUse: false, sizeBytes: 0 });
  const next = await receive('hasty', client('a'));
  expect(dirname(next.path)).toBe(join(kept, record?.id ?? ''));
  expect(readdirSync(next.path)).toEqual(['a']);
  next.release();
  expect(await locals.remove(record?.id ?? '')).toBe(true);
});

test('what a killed engine left without a record goes at the next start', async () => {
  const directory = await receive('client', client('a'));
  directory.release();
  mkdirSync(join(kept, 'stray/files'), { recursive: true });
  const [record] = [...locals.all()];
  await openLocalDirectories(parts).reconcile();
  expect(readdirSync(kept)).toEqual([record?.id ?? '']);
  rmSync(dirname(directory.path), { recursive: true });
  await openLocalDirectories(parts).reconcile();
  expect([...locals.all()]).toEqual([]);
});
