import { afterEach, beforeEach, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMountPoint, readMounts } from './mount.ts';
import { createNetworkNamespace, deleteNetworkNamespace, inNetworkNamespace } from './namespaces.ts';
import { RouteSocket } from './rtnetlink.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'namespaces-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function ownNetwork(): string {
  return readlinkSync('/proc/thread-self/ns/net');
}

test('a network namespace is pinned, entered and dropped', () => {
  const path = join(directory, 'net');
  const home = ownNetwork();
  using made = createNetworkNamespace(path, () => new RouteSocket());
  expect(ownNetwork()).toBe(home);
  expect(statSync(path).ino).toBe(statSync(`/proc/self/fd/${made.descriptor}`).ino);
  expect(made.opened.links().map(({ name }) => name)).toEqual(['lo']);
  expect(inNetworkNamespace(path, ownNetwork)).toBe(`net:[${statSync(path).ino}]`);
  expect(ownNetwork()).toBe(home);
  deleteNetworkNamespace(path);
  expect(existsSync(path)).toBe(false);
  deleteNetworkNamespace(path);
});

test('the thread is back and nothing is left when a body throws', () => {
  const path = join(directory, 'net');
  const home = ownNetwork();
  const failing = (): Disposable => {
    throw new Error('no');
  };
  expect(() => createNetworkNamespace(path, failing)).toThrow('no');
  expect(() => inNetworkNamespace('/proc/self/ns/net', failing)).toThrow('no');
  expect(ownNetwork()).toBe(home);
  expect(existsSync(path)).toBe(false);
  expect(isMountPoint(path)).toBe(false);
});

test('a namespace that caught a thread of the runtime is thrown away, and another one made', () => {
  const path = join(directory, 'net');
  const workers: Worker[] = [];
  const seen: string[] = [];
  using made = createNetworkNamespace(path, () => {
    seen.push(ownNetwork());
    // A worker is a thread that starts at once, and lives in the namespace of the one that started it.
    if (workers.length === 0) workers.push(new Worker('data:text/javascript,setInterval(() => {}, 1000)'));
    return { [Symbol.dispose]() {} };
  });
  for (const worker of workers) worker.terminate();
  expect(seen).toHaveLength(2);
  expect(seen[1]).toBe(`net:[${statSync(path).ino}]`);
  expect(statSync(`/proc/self/fd/${made.descriptor}`).ino).toBe(statSync(path).ino);
  deleteNetworkNamespace(path);
});

/** Runs a process that enters the private mounts of `directory`, and prints what `statements` say. */
async function inPrivateMounts(statements: string, program: readonly string[] = [process.execPath]): Promise<unknown> {
  const script = join(directory, 'script.ts');
  writeFileSync(
    script,
    `import { enterPrivateMounts, releasePrivateMounts } from ${JSON.stringify(join(import.meta.dir, 'namespaces.ts'))};
     import { existsSync, readdirSync, readlinkSync } from 'node:fs';
     const directory = ${JSON.stringify(directory)};
     enterPrivateMounts(directory);
     const threads = readdirSync('/proc/self/task').map((id) => readlinkSync('/proc/self/task/' + id + '/ns/mnt'));
     ${statements}`,
  );
  const child = Bun.spawn([...program, script, 'one', 'two words', ''], { stderr: 'inherit', cwd: '/usr' });
  return JSON.parse(await child.stdout.text());
}

const isHybrid =
  readMounts().some(({ type }) => type === 'cgroup') && readMounts().some(({ type }) => type === 'cgroup2');

test('an engine of a hybrid host lives in mounts of its own, and the next one finds them', async () => {
  const facts =
    'process.stdout.write(JSON.stringify({ threads: [...new Set(threads)], words: process.argv.slice(2), at: process.cwd() }));';
  const first = await inPrivateMounts(facts);
  const second = await inPrivateMounts(facts);
  expect(second).toEqual(first);
  expect(first).toMatchObject({ words: ['one', 'two words', ''], at: '/usr' });
  const pin = join(directory, 'mnt');
  if (isHybrid) expect(first).toMatchObject({ threads: [`mnt:[${statSync(pin).ino}]`] });
  else expect(first).toMatchObject({ threads: [readlinkSync('/proc/self/ns/mnt')] });
  const trees = await inPrivateMounts(
    `releasePrivateMounts(directory);
     const mounts = await Bun.file('/proc/self/mountinfo').text();
     process.stdout.write(JSON.stringify(/ - cgroup2 /.test(mounts)));`,
  );
  expect(trees).toBe(!isHybrid && readMounts().some(({ type }) => type === 'cgroup2'));
  expect(existsSync(pin)).toBe(false);
  expect(readMounts().filter(({ target }) => target.startsWith(directory))).toEqual([]);
});
