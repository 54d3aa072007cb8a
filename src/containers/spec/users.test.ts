import { expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readUserDatabase } from './user-database.ts';
import { resolveUser } from './users.ts';

const database = {
  passwd: 'root:x:0:0:root:/root:/bin/sh\nweb:x:33:44:web:/srv:/bin/sh\n# no:x:1:1\n1234:x:7:7::/odd:\n',
  group: 'root:x:0:\nwheel:x:10:root\nwebs:x:44:\naudio:x:29:web,root\nvideo:x:45:web\n',
};
const resolve = (user: string, groups: string[] = []) => resolveUser(user, database, groups);

test('by name, number and neither', () => {
  expect(resolve('')).toEqual({ uid: 0, gid: 0, additionalGids: [0, 10, 29], home: '/root' });
  expect(resolve('web')).toEqual({ uid: 33, gid: 44, additionalGids: [44, 29, 45], home: '/srv' });
  expect(resolve('33')).toEqual(resolve('web'));
  expect(resolve('5000')).toEqual({ uid: 5000, gid: 0, additionalGids: [0], home: '/' });
  // A name of digits is a name first.
  expect(resolve('1234').uid).toBe(7);
});

test('with a group, which replaces those of the group file; with more of them', () => {
  expect(resolve('web:audio')).toEqual({ uid: 33, gid: 29, additionalGids: [29], home: '/srv' });
  expect(resolve('5000:6000')).toMatchObject({ uid: 5000, gid: 6000, additionalGids: [6000] });
  expect(resolve('root', ['video', '77', '10']).additionalGids).toEqual([0, 10, 29, 45, 77]);
});

test('refusals', () => {
  expect(() => resolve('nope')).toThrow('unable to find user nope: no matching entries in passwd file');
  expect(() => resolve('root:nope')).toThrow('unable to find group nope: no matching entries in group file');
  expect(() => resolve('root', ['nope'])).toThrow('unable to find group nope: no matching entries in group file');
  for (const user of ['-1', '4294967296', '99999999999']) {
    expect(() => resolve(user)).toThrow('uids and gids must be in range 0-2147483647');
  }
});

test('the database is read inside the root, wherever links point; none is no error', () => {
  const root = mkdtempSync(join(tmpdir(), 'users-test-'));
  try {
    expect(readUserDatabase(root)).toEqual({ passwd: '', group: '' });
    mkdirSync(join(root, 'etc'));
    mkdirSync(join(root, 'real'));
    writeFileSync(join(root, 'real/passwd'), 'inside:x:1:1::/:\n');
    symlinkSync('../../../../../real/passwd', join(root, 'etc/passwd'));
    symlinkSync('/etc/hostname', join(root, 'etc/group'));
    expect(readUserDatabase(root)).toEqual({ passwd: 'inside:x:1:1::/:\n', group: '' });
  } finally {
    rmSync(root, { recursive: true });
  }
});
