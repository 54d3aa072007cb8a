import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { childrenOf } from '#linux/process';
import { tarHeader } from '#oci';
import { fail } from '#std/errors';
import type { CopyAction, FileOperation } from '../graph/operation.ts';
import type { DirectoryResult } from '../result.ts';
import { type FilesFixture, layerLines, openFilesFixture, sketch, stepRun } from './testing.ts';

const command = [process.execPath, join(import.meta.dir, '../../cmd/main.ts'), 'build-worker'];

let fixture: FilesFixture;
let context: DirectoryResult;
const at = (...parts: string[]): string => join(fixture.root, ...parts);
beforeEach(async () => {
  fixture = await openFilesFixture(command);
  mkdirSync(at('context'));
  context = { kind: 'directory', path: at('context') };
});
afterEach(() => fixture[Symbol.asyncDispose]());

function copying(more: Partial<CopyAction>): FileOperation {
  const action: CopyAction = {
    type: 'copy',
    source: '/',
    destination: '/',
    followsSymlink: true,
    copiesContents: true,
    unpacks: false,
    createsDestination: true,
    allowsWildcard: false,
    allowsEmptyWildcard: false,
    includes: [],
    excludes: [],
    replaces: false,
    ...more,
  };
  return { type: 'file', actions: [{ input: -1, secondaryInput: 0, output: 0, action }] };
}

/** The build workers that are there. */
function workers(): number[] {
  return childrenOf(process.pid).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('build-worker');
    } catch {
      // It has just gone.
      return false;
    }
  });
}

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 20_000; !condition(); await Bun.sleep(5)) {
    if (Date.now() > deadline) throw fail('internal', 'it never came to that');
  }
}

/** An archive of four megabytes that unpacks to a file of four gigabytes, which takes a while. */
function writeBomb(): void {
  const zeroes = gzipSync(Buffer.alloc(64 * 1024 * 1024));
  const header = tarHeader({ path: 'bomb', sizeBytes: 4 * 1024 ** 3 });
  writeFileSync(at('context', 'bomb.tgz'), Buffer.concat([gzipSync(header), ...Array(64).fill(zeroes)]));
}

/** Runs `during` once the bomb is being unpacked; gives what became of the step. */
async function unpackBomb(during: (pid: number, abort: AbortController) => void): Promise<unknown> {
  writeBomb();
  const abort = new AbortController();
  const operation = copying({ source: '/bomb.tgz', destination: '/', unpacks: true });
  const outcome = fixture.files.file(operation, stepRun([context], abort.signal)).catch((error: unknown) => error);
  const unfinished = at('data/snapshots/unfinished');
  await until(
    () =>
      workers().length > 0 && readdirSync(unfinished).some((name) => readdirSync(join(unfinished, name)).length > 0),
  );
  during(workers()[0] ?? 0, abort);
  return outcome;
}

test('what is much is done in a process of its own: large files are shared, small ones are not, and the digest is the tar’s', async () => {
  const large = Buffer.alloc(5 * 1024 * 1024, 'large');
  sketch(at('context'), {
    large: { content: large, after: 1 },
    small: { content: 'small', after: 2 },
    d: { after: 4 },
    'd/larger': { content: large, mode: 0o600, after: 3 },
  });
  const [made] = await fixture.files.file(copying({}), stepRun([context]));
  expect(workers()).toHaveLength(1);
  const [layer] = fixture.layers(made ?? context);
  const directory = layer?.directory ?? '';
  expect(await layerLines(directory)).toEqual([
    'directory d 755 0:0 +4',
    'file d/larger 600 0:0 +3 5242880',
    'file large 644 0:0 +1 5242880',
    'file small 644 0:0 +2 5',
  ]);
  const inode = (path: string): number => statSync(path).ino;
  expect(inode(join(directory, 'large'))).toBe(inode(at('context', 'large')));
  expect(inode(join(directory, 'small'))).not.toBe(inode(at('context', 'small')));
  // In the file system that shows it already it is another file, and what is shared is not shared again.
  const again: FileOperation = {
    type: 'file',
    actions: copying({ source: '/large', destination: '/twice' }).actions.map((step) => ({ ...step, input: 1 })),
  };
  for (const from of [made ?? context, context]) {
    const [twice] = await fixture.files.file(again, stepRun([from, made ?? context]));
    const [, upper] = fixture.layers(twice ?? context);
    expect(inode(join(upper?.directory ?? '', 'twice'))).not.toBe(inode(join(directory, 'large')));
  }
  // Another owner makes it another file.
  const [owned] = await fixture.files.file(copying({ owner: { user: 7 } }), stepRun([context]));
  const [other] = fixture.layers(owned ?? context);
  expect(inode(join(other?.directory ?? '', 'large'))).not.toBe(inode(at('context', 'large')));
  expect(statSync(at('context', 'large')).uid).toBe(0);
  const abort = new AbortController();
  const draft = { directory, commit: () => undefined, replace: () => undefined, discard: () => undefined };
  expect(await fixture.files.measure(draft, abort.signal)).toMatchObject({
    diffId: layer?.diffId ?? '',
    tarSizeBytes: layer?.tarSizeBytes ?? 0,
    sizeBytes: 10 * 1024 * 1024 + 5,
  });
  const whole = { source: '/', followsSymlink: false };
  const digests = { signal: abort.signal, listsFiles: false };
  const read = await fixture.files.digest(context, whole, digests);
  expect(await fixture.files.digest(made ?? context, whole, digests)).toEqual(read);
});

test('a step that nobody wants any more ends with its process, and nothing of it stays', async () => {
  const outcome = await unpackBomb((_, abort) => abort.abort(new Error('not wanted')));
  expect(String(outcome)).toContain('not wanted');
  expect(workers()).toEqual([]);
  await fixture.images.settled();
  expect(readdirSync(at('data/snapshots/unfinished'))).toEqual([]);
});

test('a worker that is killed fails its step alone', async () => {
  const outcome = await unpackBomb((pid) => process.kill(pid, 'SIGKILL'));
  expect(String(outcome)).toContain('the build worker ended before its work was done');
  await fixture.images.settled();
  expect(readdirSync(at('data/snapshots/unfinished'))).toEqual([]);
  sketch(at('context'), { after: { content: Buffer.alloc(4_000_000, 'x'), after: 1 } });
  const [made] = await fixture.files.file(copying({ source: '/after', destination: '/there' }), stepRun([context]));
  expect(await layerLines(fixture.layers(made ?? context)[0]?.directory ?? '')).toEqual([
    'file there 644 0:0 +1 4000000',
  ]);
});
