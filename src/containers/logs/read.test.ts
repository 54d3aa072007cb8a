import { afterAll, beforeAll, expect, test } from 'bun:test';
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FollowControl, type ReadOptions, readLog } from './read.ts';

let root = '';
let count = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'estiba-logs-'));
});
afterAll(() => rmSync(root, { recursive: true }));

function line(text: string, stream = 'stdout', time = '2026-01-01T00:00:00.5Z'): string {
  return `${JSON.stringify({ log: text, stream, time })}\n`;
}

function newPath(): string {
  count += 1;
  return join(root, `${count}.log`);
}

const plain: ReadOptions = {
  stdout: true,
  stderr: true,
  timestamps: false,
  details: false,
  framed: false,
  signal: new AbortController().signal,
};

async function read(path: string, options: Partial<ReadOptions> = {}): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readLog(path, { ...plain, ...options })) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test('reads rotated files from the oldest on, and tails across them', async () => {
  const path = newPath();
  writeFileSync(`${path}.2`, line('1\n') + line('2\n'));
  writeFileSync(`${path}.1`, line('3\n'));
  writeFileSync(path, line('4\n') + line('5\n'));
  expect(await read(path)).toBe('1\n2\n3\n4\n5\n');
  expect(await read(path, { tail: 0 })).toBe('');
  expect(await read(path, { tail: 1 })).toBe('5\n');
  expect(await read(path, { tail: 4 })).toBe('2\n3\n4\n5\n');
  expect(await read(path, { tail: 99 })).toBe('1\n2\n3\n4\n5\n');
});

test('gives escapes, partial lines and foreign bytes back, and skips a damaged line', async () => {
  const path = newPath();
  const texts = ['a "quoted" \\ back\tslash\n', 'no newline', '\u00e9\u20ac\u{1f600}\n', '\u001b[0m\n'];
  writeFileSync(path, `${texts.map((text) => line(text)).join('')}{"log":"cut\n${line('after\n')}`);
  expect(await read(path)).toBe(`${texts.join('')}after\n`);
});

test('frames, timestamps, streams and times', async () => {
  const path = newPath();
  writeFileSync(
    path,
    line('out\n', 'stdout', '2026-01-01T00:00:01Z') + line('err\n', 'stderr', '2026-01-01T00:00:02.25Z'),
  );
  expect(await read(path, { framed: true })).toBe('\x01\0\0\0\0\0\0\x04out\n\x02\0\0\0\0\0\0\x04err\n');
  expect(await read(path, { timestamps: true, stderr: false })).toBe('2026-01-01T00:00:01Z out\n');
  expect(await read(path, { stdout: false })).toBe('err\n');
  const second = 1_767_225_600n * 1_000_000_000n;
  expect(await read(path, { sinceNs: second + 2_000_000_000n })).toBe('err\n');
  expect(await read(path, { untilNs: second + 2_000_000_000n })).toBe('out\n');
});

test('a line longer than the read buffer comes whole', async () => {
  const path = newPath();
  const long = 'x'.repeat(700_000);
  writeFileSync(path, line(`${long}\n`) + line('end\n'));
  expect(await read(path)).toBe(`${long}\nend\n`);
});

test('follows through rotation until the writer has ended', async () => {
  const path = newPath();
  writeFileSync(path, line('1\n'));
  let ended = false;
  let change = (): void => undefined;
  const follow: FollowControl = {
    ended: () => ended,
    onChange(listener) {
      change = listener;
      return { [Symbol.dispose]: () => undefined };
    },
  };
  const stream = readLog(path, { ...plain, follow });
  const next = async (): Promise<string> => Buffer.from((await stream.next()).value ?? []).toString();
  expect(await next()).toBe('1\n');
  appendFileSync(path, line('2\n').slice(0, 9));
  appendFileSync(path, line('2\n').slice(9));
  expect(await next()).toBe('2\n');
  appendFileSync(path, line('3\n'));
  renameSync(path, `${path}.1`);
  writeFileSync(path, line('4\n'));
  expect(await next()).toBe('3\n');
  expect(await next()).toBe('4\n');
  appendFileSync(path, line('5\n'));
  ended = true;
  change();
  expect(await next()).toBe('5\n');
  expect((await stream.next()).done).toBe(true);
});

test('a line is followed however soon after another it comes', async () => {
  const path = newPath();
  writeFileSync(path, '');
  const controller = new AbortController();
  const follow: FollowControl = { ended: () => false, onChange: () => ({ [Symbol.dispose]: () => undefined }) };
  const stream = readLog(path, { ...plain, follow, signal: controller.signal });
  for (let round = 0; round < 100; round++) {
    const next = stream.next();
    await Bun.sleep(round % 5);
    appendFileSync(path, line(`${round}\n`));
    expect(Buffer.from((await next).value ?? []).toString()).toBe(`${round}\n`);
  }
  controller.abort();
  expect((await stream.next()).done).toBe(true);
});

test('a log that comes and ends while it is looked for is followed all the same', async () => {
  const path = newPath();
  let looks = 0;
  const ended = (): boolean => {
    looks += 1;
    if (looks === 2) writeFileSync(path, line('all\n'));
    return looks > 1;
  };
  const follow: FollowControl = { ended, onChange: () => ({ [Symbol.dispose]: () => undefined }) };
  expect(await read(path, { follow })).toBe('all\n');
});

test('an aborted reader ends', async () => {
  const path = newPath();
  const controller = new AbortController();
  const follow: FollowControl = { ended: () => false, onChange: () => ({ [Symbol.dispose]: () => undefined }) };
  const done = read(path, { follow, signal: controller.signal });
  controller.abort();
  expect(await done).toBe('');
});
