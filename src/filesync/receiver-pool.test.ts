import { afterAll, beforeAll, expect, test } from 'bun:test';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectGrpc, type GrpcClientConnection, type Implementation, serveGrpc } from '#grpc';
import { kindOf } from '#std/errors';
import { askForFiles, type OutputTarget, sendDirectoryTo, sendFileTo } from './calls.ts';
import { IndexedFiles } from './directory-index.ts';
import { offerDirectories, offerOutputs } from './offers.ts';
import { encodePacket, packetTypes } from './packet.ts';
import { openFileReceivers } from './receiver-pool.ts';

const receivers = openFileReceivers([process.execPath, join(import.meta.dir, '../cmd/main.ts'), 'file-receiver']);
const root = mkdtempSync(join(tmpdir(), 'estiba-receivers-'));
const source = join(root, 'source');
const everything = { includePatterns: [], excludePatterns: [], followPaths: [] };
const job = (name: string) => {
  mkdirSync(join(root, name), { recursive: true });
  return { directory: join(root, name), differ: 'metadata' } as const;
};
const never = new AbortController().signal;

beforeAll(() => {
  mkdirSync(join(source, 'sub'), { recursive: true });
  for (let number = 0; number < 300; number++) writeFileSync(join(source, 'sub', `file${number}`), `content ${number}`);
  writeFileSync(join(source, 'grüße, alle.txt'), 'hello');
  writeFileSync(join(source, 'large'), Buffer.alloc(3_000_000, 'large'));
});
afterAll(() => {
  receivers.close();
  rmSync(root, { recursive: true, force: true });
});

/** Asks a server that offers `implementation`, over a connection of its own. */
async function asking<T>(
  implementation: Implementation,
  body: (connection: GrpcClientConnection) => Promise<T>,
): Promise<T> {
  const server: Server = createServer((socket) => void serveGrpc(socket, [implementation]));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const connection = connectGrpc(connect((server.address() as AddressInfo).port, '127.0.0.1'));
  try {
    return await body(connection);
  } finally {
    connection.close();
    server.close();
  }
}

test('a client’s directory comes over gRPC into a process of its own, and again with nothing to send', async () => {
  const told: number[] = [];
  await asking(offerDirectories(new Map([['context', source]])), async (connection) => {
    const receive = (name: string, request: Partial<Parameters<typeof askForFiles>[1]> = {}) =>
      receivers.receive(job('kept'), askForFiles(connection, { name, ...everything, ...request }, never), {
        onTransfer: (bytes) => told.push(bytes),
        signal: never,
      });
    const first = await receive('context');
    expect(first).toMatchObject({ isChanged: true, requestedFiles: 302, entries: 303 });
    // Packets are more than what is in them.
    expect(told.at(-1)).toBeGreaterThan(first.receivedBytes);
    expect(readFileSync(join(root, 'kept/files/sub/file299'), 'utf8')).toBe('content 299');
    expect(readFileSync(join(root, 'kept/files/large')).equals(readFileSync(join(source, 'large')))).toBe(true);
    const again = await receive('context');
    expect(again).toMatchObject({ isChanged: false, requestedFiles: 0, treeDigest: first.treeDigest });
    const some = await receive('context', { includePatterns: ['grüße, *', 'sub/file1'], excludePatterns: ['**/*9'] });
    expect(some).toMatchObject({ isChanged: true, requestedFiles: 0, entries: 3 });
    const paths = [...new IndexedFiles(join(root, 'kept/index'), '').entries()].map(({ path }) => path);
    expect(paths.map((path) => Buffer.from(path, 'latin1').toString())).toEqual([
      'grüße, alle.txt',
      'sub',
      'sub/file1',
    ]);
    const failure: unknown = await receive('other').catch((error: unknown) => error);
    expect(failure).toMatchObject({ kind: 'not-found', message: 'no access allowed to dir "other"' });
  });
});

test('a transfer that is broken off, cancelled or malformed ends in an error, and the next one begins anew', async () => {
  async function* packets(list: readonly Uint8Array[], end: Promise<void>): AsyncGenerator<Uint8Array> {
    yield* list;
    await end;
  }
  const stream = (list: readonly Uint8Array[], end: Promise<void> = Promise.resolve()) => {
    const sent: Uint8Array[] = [];
    return {
      packets: packets(list, end),
      send: (packet: Uint8Array) => void sent.push(packet),
      end: () => undefined,
      sent,
    };
  };
  const failing = async (work: Promise<unknown>): Promise<string> => {
    const error: unknown = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return `${kindOf(error)}: ${(error as Error).message}`;
  };
  const broken = stream([]);
  expect(await failing(receivers.receive(job('odd'), broken, { signal: never }))).toBe(
    'unavailable: the transfer broke off',
  );
  expect(broken.sent).toHaveLength(1);
  const refused = stream([encodePacket({ type: packetTypes.error, data: Buffer.from('no') })]);
  expect(await failing(receivers.receive(job('odd'), refused, { signal: never }))).toBe(
    'unavailable: error from sender: no',
  );
  const endless = Promise.withResolvers<void>();
  const abort = new AbortController();
  const waiting = receivers.receive(job('odd'), stream([], endless.promise), { signal: abort.signal });
  abort.abort();
  expect(await failing(waiting)).toBe('cancelled: the transfer was cancelled');
  endless.resolve();
  const empty = stream([encodePacket({ type: packetTypes.stat })]);
  expect(await receivers.receive(job('odd'), empty, { signal: never })).toMatchObject({ entries: 0 });
  expect(empty.sent).toEqual([encodePacket({ type: packetTypes.end })]);
});

test('a tar becomes a directory with an index; what is no tar is refused', async () => {
  symlinkSync('sub', join(source, 'way'));
  const packed = Bun.spawn(['tar', '-C', source, '--owner', '12', '-c', '.', 'sub/file1'], { stdout: 'pipe' });
  const result = await receivers.unpack(job('tar').directory, packed.stdout, { signal: never });
  expect(result).toMatchObject({ entries: 304 });
  const index = new IndexedFiles(join(root, 'tar/index'), '');
  const digest = new Bun.CryptoHasher('sha256').update('content 7').digest('hex');
  expect(index.get('sub/file7')).toMatchObject({ contentDigest: `sha256:${digest}`, uid: 0, gid: 0, sizeBytes: 9 });
  expect(index.get('way')).toMatchObject({ linkTarget: 'sub' });
  expect(statSync(join(root, 'tar/files/sub/file7')).uid).toBe(0);
  async function* garbage(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(5000, 'x');
  }
  const failure: unknown = await receivers
    .unpack(job('garbage').directory, garbage(), { signal: never })
    .catch((error: unknown) => error);
  expect(kindOf(failure)).toBe('invalid-argument');
});

test('outputs of a build reach a client: a directory beside what is there, a file with what is said of it', async () => {
  const place = join(root, 'out');
  mkdirSync(place);
  writeFileSync(join(place, 'mine'), 'stays');
  const files: { text: string; metadata: Readonly<Record<string, string>> }[] = [];
  const outputs = offerOutputs((id) => {
    if (id === '0') return { directory: place };
    if (id !== '1') return undefined;
    return {
      write: async (content, metadata) => {
        files.push({ text: Buffer.concat(await Array.fromAsync(content)).toString(), metadata });
      },
    };
  });
  async function* content(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(1_200_000, 'a');
    yield Buffer.from('end');
  }
  await asking(outputs, async (connection) => {
    const target = (id: string, metadata: OutputTarget['metadata'] = {}): OutputTarget => ({
      connection,
      id,
      metadata,
    });
    await sendDirectoryTo(target('0'), { directory: source, signal: never });
    const split = { below: 'linux_arm64', modifiedNs: 5_000_000_000n };
    await sendDirectoryTo(target('0'), { directory: source, ...split, signal: never });
    await sendFileTo(target('1', { 'image.name': 'größe' }), content(), never);
    const failure: unknown = await sendFileTo(target('7'), content(), never).catch((error: unknown) => error);
    expect(failure).toMatchObject({ kind: 'not-found' });
  });
  expect(readFileSync(join(place, 'sub/file3'), 'utf8')).toBe('content 3');
  expect(readFileSync(join(place, 'large')).equals(readFileSync(join(source, 'large')))).toBe(true);
  expect(readFileSync(join(place, 'linux_arm64/sub/file3'), 'utf8')).toBe('content 3');
  expect(statSync(join(place, 'linux_arm64/sub')).mtimeMs).toBe(5000);
  expect(existsSync(join(place, 'mine'))).toBe(true);
  expect(files).toEqual([{ text: `${'a'.repeat(1_200_000)}end`, metadata: { 'image.name': 'größe' } }]);
});

test('who finds no process free waits, or goes', async () => {
  const few = openFileReceivers([process.execPath, join(import.meta.dir, '../cmd/main.ts'), 'file-receiver'], 1);
  try {
    async function* tar(isEndless: boolean): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(1024);
      if (isEndless) await new Promise(() => undefined);
    }
    const [first, second] = [new AbortController(), new AbortController()];
    const unpack = (name: string, isEndless: boolean, signal: AbortSignal) =>
      few.unpack(job(name).directory, tar(isEndless), { signal });
    const kindOfFailure = (work: Promise<unknown>) => work.then(() => 'none', kindOf);
    const endless = kindOfFailure(unpack('endless', true, first.signal));
    const impatient = kindOfFailure(unpack('impatient', false, second.signal));
    const patient = unpack('patient', false, never);
    second.abort();
    expect(await impatient).toBe('cancelled');
    first.abort();
    expect(await endless).toBe('cancelled');
    expect(await patient).toMatchObject({ entries: 0 });
    expect(await unpack('last', false, never)).toMatchObject({ entries: 0 });
  } finally {
    few.close();
  }
});
