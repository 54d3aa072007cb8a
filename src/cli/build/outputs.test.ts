import { expect, test } from 'bun:test';
import { cachePlace } from './caches.ts';
import { outputsOf } from './outputs.ts';
import { parseSecrets } from './secrets.ts';

const none = { output: [], push: false, load: false, tag: [], annotation: [] };

test('an image goes into the engine when nothing is said, and gets all names', () => {
  expect(outputsOf({ ...none, tag: ['a:1', 'b'] })).toEqual([
    { type: 'image', attributes: { name: 'a:1,b' }, isDirectory: false },
  ]);
});

test('--push needs a name, and pushes what goes into the engine', () => {
  expect(() => outputsOf({ ...none, push: true })).toThrow('tag is needed when pushing to registry');
  expect(outputsOf({ ...none, push: true, tag: ['r/x'] })).toEqual([
    { type: 'image', attributes: { name: 'r/x', push: 'true' }, isDirectory: false },
  ]);
});

test('outputs are read as buildx reads them', () => {
  const given = [
    'out',
    '-',
    'type=oci,dest=x.tar',
    'type=oci,tar=false,dest=dir',
    'type=docker',
    'type=registry,name=q',
  ];
  expect(outputsOf({ ...none, output: given, tag: ['n'] })).toEqual([
    { type: 'local', attributes: {}, destination: 'out', isDirectory: true },
    { type: 'tar', attributes: {}, destination: '-', isDirectory: false },
    { type: 'oci', attributes: { name: 'n' }, destination: 'x.tar', isDirectory: false },
    { type: 'oci', attributes: { name: 'n', tar: 'false' }, destination: 'dir', isDirectory: true },
    { type: 'image', attributes: { name: 'n' }, isDirectory: false },
    { type: 'image', attributes: { name: 'q', push: 'true' }, isDirectory: false },
  ]);
  expect(() => outputsOf({ ...none, output: ['type=zip,dest=x'] })).toThrow('no output of the type "zip"');
  expect(() => outputsOf({ ...none, output: ['type=local'] })).toThrow('dest is required for local output');
  expect(() => outputsOf({ ...none, output: ['dest=x'] })).toThrow('type is required for output');
});

test('annotations carry the level that they are for', () => {
  const [output] = outputsOf({ ...none, annotation: ['a=b', 'index:c=d', 'manifest[linux/amd64]:e=f=g'] });
  expect(output?.attributes).toEqual({
    'annotation.a': 'b',
    'annotation-index.c': 'd',
    'annotation-manifest[linux/amd64].e': 'f=g',
  });
});

test('caches are registries, or directories of ours', () => {
  expect(cachePlace('user/app:cache', 'from')).toEqual({ type: 'registry', attributes: { ref: 'user/app:cache' } });
  expect(cachePlace('type=local,dest=d,mode=max', 'to')).toEqual({
    type: 'local',
    attributes: { mode: 'max' },
    directory: 'd',
  });
  expect(() => cachePlace('type=local', 'from')).toThrow('src is required for type=local');
});

test('a secret is a file or a variable', () => {
  process.env.ESTIBA_TEST_SECRET = 'x';
  try {
    const secrets = parseSecrets(['id=a,src=/etc/hostname', 'id=b,env=ESTIBA_TEST_SECRET', 'id=ESTIBA_TEST_SECRET']);
    expect([...secrets]).toEqual([
      ['a', { path: '/etc/hostname' }],
      ['b', { variable: 'ESTIBA_TEST_SECRET' }],
      ['ESTIBA_TEST_SECRET', { variable: 'ESTIBA_TEST_SECRET' }],
    ]);
  } finally {
    delete process.env.ESTIBA_TEST_SECRET;
  }
  expect(() => parseSecrets(['src=/etc/hostname'])).toThrow('secret missing ID');
  expect(() => parseSecrets(['id=a,src=/no/such'])).toThrow('failed to stat /no/such: no such file or directory');
  expect(() => parseSecrets(['id'])).toThrow("invalid field 'id' must be a key=value pair");
});
