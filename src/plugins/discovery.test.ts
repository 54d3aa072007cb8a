import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPlugin, listPlugins } from './discovery.ts';

let root = '';
let directories: string[] = [];
const listeners: { stop(): void }[] = [];

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'plugins-test-'));
  const [run, etc] = [join(root, 'run'), join(root, 'etc')];
  directories = [run, etc, join(root, 'absent')];
  for (const path of [run, join(run, 'inner'), join(run, 'other'), etc]) mkdirSync(path);
  for (const path of [join(run, 'plain.sock'), join(run, 'inner/inner.sock'), join(run, 'other/else.sock')]) {
    listeners.push(Bun.listen({ unix: path, socket: { data: () => undefined } }));
  }
  writeFileSync(join(run, 'file.sock'), '');
  writeFileSync(join(etc, 'far.spec'), 'tcp://host:8080\n');
  writeFileSync(join(etc, 'near.spec'), 'unix:///some/where.sock');
  writeFileSync(join(etc, 'odd.spec'), 'gopher://host');
  const tls = { InsecureSkipVerify: false, CAFile: '/ca', CertFile: '/cert', KeyFile: '/key' };
  writeFileSync(join(etc, 'safe.json'), JSON.stringify({ Name: 'safe', Addr: 'tcp://host:1', TLSConfig: tls }));
  writeFileSync(join(etc, 'broken.json'), '{');
});
afterAll(() => {
  for (const listener of listeners) listener.stop();
  rmSync(root, { recursive: true });
});

test('sockets, addresses in files, and files with certificates', () => {
  expect(findPlugin(directories, 'plain')).toEqual({ kind: 'unix', path: join(root, 'run/plain.sock') });
  expect(findPlugin(directories, 'inner')).toEqual({ kind: 'unix', path: join(root, 'run/inner/inner.sock') });
  expect(findPlugin(directories, 'far')).toEqual({ kind: 'tcp', host: 'host:8080' });
  expect(findPlugin(directories, 'near')).toEqual({ kind: 'unix', path: '/some/where.sock' });
  expect(findPlugin(directories, 'safe')).toEqual({
    kind: 'tcp',
    host: 'host:1',
    tls: { insecureSkipVerify: false, caFile: '/ca', certFile: '/cert', keyFile: '/key' },
  });
});

test('what is none, and what makes no sense', () => {
  for (const name of ['nope', 'file', 'else', '../run/plain', 'run/plain', '', '.']) {
    expect(findPlugin(directories, name)).toBeUndefined();
  }
  expect(() => findPlugin(directories, 'odd')).toThrow('unknown protocol: gopher://host');
  expect(() => findPlugin(directories, 'broken')).toThrow(`plugin specification ${join(root, 'etc/broken.json')}`);
});

test('all of them', () => {
  expect(listPlugins(directories)).toEqual(['broken', 'far', 'file', 'inner', 'near', 'odd', 'plain', 'safe']);
});
