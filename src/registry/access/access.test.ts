import { afterAll, describe, expect, test } from 'bun:test';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Grants, Need } from '../types.ts';
import { ask, base, basic, from, granted, hashOf, makeUsers, pull, push, request } from './access.fixture.ts';
import { type AccessSettings, openAccess } from './access.ts';

const { directory, htpasswd } = makeUsers();
afterAll(() => rmSync(directory, { recursive: true }));

test('nobody is asked where there are neither users nor tokens, and rules hold all the same', async () => {
  const open = await granted({});
  expect([open.allows(push('a/b')), open.allows({ action: 'catalog' }), open.challenge([])]).toEqual([
    true,
    true,
    undefined,
  ]);
  const ruled = await granted({ rights: [{ anonymous: true, repositories: ['public/**'], actions: ['pull'] }] });
  expect([ruled.allows(pull('public/a/b')), ruled.allows(push('public/a/b')), ruled.allows(pull('a'))]).toEqual([
    true,
    false,
    false,
  ]);
});

describe('htpasswd', () => {
  test('who logs in may do all; who does not is asked to', async () => {
    const alice = await granted({ htpasswd }, basic('alice', 'secret'));
    expect([alice.user, alice.allows(push('x')), alice.allows({ action: 'pull' }), alice.challenge([])]).toEqual([
      'alice',
      true,
      true,
      undefined,
    ]);
    const nobody = await granted({ htpasswd });
    expect([nobody.allows({ action: 'pull' }), nobody.allows(pull('x')), nobody.challenge([])]).toEqual([
      false,
      false,
      'Basic realm="Estiba"',
    ]);
  });

  test.each([
    basic('alice', 'other'),
    basic('carol', 'secret'),
    basic('alice', ''),
    basic('alice', 'secret\0'),
    basic('', 'secret'),
    'Basic !!!',
    'Basic',
    'Bearer abc',
    'Digest username="alice"',
  ])('%s is refused, with the way to log in', async (authorization) => {
    expect(await ask({ htpasswd }, authorization)).toEqual({ code: 'UNAUTHORIZED', challenge: 'Basic realm="Estiba"' });
  });

  test('the file is read again when it changes; a broken one leaves all as it was', async () => {
    const path = join(directory, 'changing');
    writeFileSync(path, `alice:${hashOf('one')}\n`);
    const { authorize } = openAccess({ ...base, htpasswd: path });
    const asked = async (password: string) => (await authorize(request(basic('alice', password)), from)).user;
    expect(await asked('one')).toBe('alice');
    writeFileSync(path, 'alice:{SHA}xxxx\n');
    expect(await asked('one')).toBe('alice');
    writeFileSync(path, `alice:${hashOf('two')}\nbob:${hashOf('x')}\n`);
    expect(await asked('two')).toBe('alice');
    await expect(asked('one')).rejects.toThrow('authentication required');
  });

  test('of a password beyond 72 bytes bcrypt takes the first 72, as htpasswd does', async () => {
    const path = join(directory, 'long');
    writeFileSync(path, `alice:${hashOf('x'.repeat(72))}\n`);
    expect((await granted({ htpasswd: path }, basic('alice', 'x'.repeat(100)))).user).toBe('alice');
  });

  test.each([
    ['alice', 'line 1: USER:HASH is expected'],
    ['alice:$apr1$abc$def', 'line 1: alice: only bcrypt hashes'],
    [`bob:${hashOf('x')}\nalice:$2y$31$${'a'.repeat(53)}`, 'line 2: alice: only bcrypt hashes'],
  ])('a file with %s is refused by its line', (text, message) => {
    const path = join(directory, 'bad');
    writeFileSync(path, text);
    expect(() => openAccess({ ...base, htpasswd: path })).toThrow(message);
  });
});

test('rules by user, group, pattern and action', async () => {
  const rights: AccessSettings['rights'] = [
    { anonymous: true, repositories: ['public/*'], actions: ['pull'] },
    { user: '*', repositories: ['home/{user}/**'], actions: ['pull', 'push', 'delete'] },
    { group: 'team', repositories: ['team/**', 'tool'], actions: ['pull', 'push'] },
    { user: 'bob', repositories: ['**'], actions: ['pull'] },
  ];
  const settings = { htpasswd, rights, groups: { team: ['alice'] } };
  const [alice, bob] = [
    await granted(settings, basic('alice', 'secret')),
    await granted(settings, basic('bob', 'other')),
  ];
  const may = (grants: Grants, list: readonly Need[]): boolean[] => list.map((need) => grants.allows(need));
  expect(
    may(alice, [pull('public/a'), pull('public/a/b'), push('public/a'), push('team/x/y'), push('tool'), push('tools')]),
  ).toEqual([true, false, false, true, true, false]);
  expect(may(alice, [push('home/alice/x'), pull('home/bob/x'), { action: 'delete', repository: 'team/x' }])).toEqual([
    true,
    false,
    false,
  ]);
  expect(may(bob, [push('home/bob/x'), pull('team/x'), push('team/x'), pull('home/alice/x')])).toEqual([
    true,
    true,
    false,
    true,
  ]);
  const nobody = await granted(settings);
  expect(may(nobody, [pull('public/a'), pull('tool'), pull('home//x')])).toEqual([true, false, false]);
  expect([nobody.sees('public/a'), nobody.sees('tool'), bob.sees('tool')]).toEqual([true, false, true]);
  expect(() => openAccess({ ...base, rights: [{ group: 'gone', repositories: ['a'], actions: ['pull'] }] })).toThrow(
    'no group gone',
  );
});
