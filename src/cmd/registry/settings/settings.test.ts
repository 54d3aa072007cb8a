import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAccess } from './access.ts';
import { readCache } from './cache.ts';
import { readGarbage } from './garbage.ts';
import { settingsPage } from './page.ts';
import { readRights } from './rights.ts';
import { settingFlags } from './table.ts';
import { readValues } from './values.ts';

const directory = mkdtempSync(join(tmpdir(), 'estiba-registry-settings-'));
afterAll(() => rmSync(directory, { recursive: true }));

let files = 0;
function fileOf(content: string): string {
  files += 1;
  const path = join(directory, `${files}.yml`);
  writeFileSync(path, content);
  return path;
}

/** What a file and flags give. */
function valuesOf(content: string, flags: Readonly<Record<string, unknown>> = {}) {
  const all = { ...flags, config: fileOf(content) };
  return readValues(all, new Set(Object.keys(all)));
}

test('docs/registry-settings.md is what the table says', () => {
  expect(readFileSync(join(import.meta.dir, '../../../../docs/registry-settings.md'), 'utf8')).toBe(settingsPage());
});

test('a file and flags together; what neither gives is as the table says', () => {
  const values = valuesOf(
    `
read-only: true
gc-interval: 0
grace: 2h
upstream: [hub=https://registry-1.docker.io, own=http://127.0.0.1:5000]
upstream-credentials: {hub: {username: me, password: secret}}
retain:
  - repositories=a/*,keep-last=2
  - {repositories: b, untagged-days: 7}
rights: [{group: team, repositories: ['**'], actions: [pull]}]
groups: {team: [alice]}
realm:
`,
    { root: '/srv', 'cache-keep': '1h' },
  );
  expect([values.text('root'), values.isOn('read-only'), values.text('listen'), values.text('realm')]).toEqual([
    '/srv',
    true,
    '127.0.0.1:5000',
    'Estiba',
  ]);
  expect([values.duration('gc-interval'), values.duration('cache-fresh')]).toEqual([0, 300_000]);
  expect(readGarbage(values)).toEqual({
    rules: [
      { repositories: 'a/*', keepLast: 2 },
      { repositories: 'b', untaggedDays: 7 },
    ],
    graceMs: 7_200_000,
    uploadLifeMs: 86_400_000,
  });
  expect(readCache(values)).toMatchObject({
    upstreams: [{ prefix: 'hub', credentials: { username: 'me', password: 'secret' } }, { prefix: 'own' }],
    keepMs: 3_600_000,
  });
  expect(readRights(values).groups).toEqual({ team: ['alice'] });
  expect(valuesOf('').raw('root')).toBeUndefined();
  expect(valuesOf('listen: a:1\nread-only: true').fixedChanges(valuesOf('listen: a:2'))).toEqual(['config', 'listen']);
});

test.each([
  ['lisen: a:1', {}, 'settings: unknown key lisen; there are listen, root'],
  ['config: x', {}, 'unknown key config'],
  ['- a', {}, 'it is no mapping'],
  ['listen: 5000', {}, 'listen must be a text'],
  ['read-only: "yes"', {}, 'read-only must be true or false'],
  ['upstream: a=b', {}, 'upstream must be a list of texts'],
  ['grace: 5', {}, 'grace must be a duration'],
  ['retain: [1]', {}, 'retain must be a list of rules'],
  ['groups: {a: b}', {}, 'groups must be lists of users'],
  ['rights: 1', {}, 'rights must be a list of rules, or'],
  ['root: /a', { root: '/b' }, 'root: given both as a flag and in the file'],
  ['a: [', {}, '--config'],
])('file %s is refused', (content, flags, message) => {
  expect(() => valuesOf(content, flags)).toThrow(message);
});

test('a file that is not there is refused by its name', () => {
  expect(() => readValues({ config: '/nowhere.yml' }, new Set(['config']))).toThrow('--config /nowhere.yml: ');
});

const key = fileOf('x');
test.each([
  ['htpasswd: /nowhere', 'htpasswd file /nowhere'],
  ['issue-tokens: true', 'issue-tokens needs htpasswd'],
  ['tls-cert: a', 'TLS needs both tls-cert and tls-key'],
  ['{tls-cert: /nowhere, tls-key: /nowhere}', 'TLS: '],
  ['token-realm: https://auth.test/token', 'need all of token-realm, token-service, token-issuer, token-keys'],
  [`{token-realm: auth.test, token-service: a, token-issuer: b, token-keys: ${key}}`, 'auth.test is no URL'],
  [`{token-realm: "https://auth.test", token-service: a, token-issuer: b, token-keys: ${key}}`, 'no key in it'],
  [
    `{token-realm: "https://auth.test", token-service: a, token-issuer: b, token-keys: ${key}, htpasswd: ${key}}`,
    'people are known by one of them',
  ],
])('access by %s is refused', (content, message) => {
  expect(() => readAccess(valuesOf(content), directory)).toThrow(message);
});

test.each([
  ['upstream-default: hub', 'no upstream hub'],
  ['upstream: [a=https://x, a=https://y]', 'a prefix is given twice'],
  ['{upstream: [a=https://x], upstream-credentials: {b: {}}}', 'there is no upstream b'],
  ['{upstream: [a=https://x], upstream-credentials: {a: {user: x}}}', 'a: unknown key user'],
  ['{upstream: [a=https://x], upstream-credentials: {a: {username: x}}}', 'must be texts'],
  ['{upstream: [a=https://x], upstream-credentials: /nowhere}', 'upstream-credentials: '],
  ['{upstream: [a=https://x], cache-keep: soon}', 'cache-keep: soon is no duration'],
])('upstreams by %s are refused', (content, message) => {
  expect(() => readCache(valuesOf(content))).toThrow(message);
});

describe('rights', () => {
  const rule = (text: string) => `rights:\n  - {${text}}\n`;
  const whole = 'user: a, repositories: [x], actions: [pull]';

  test('in a file of their own', () => {
    const path = fileOf(`${rule(whole)}groups: {g: [a, b]}\n`);
    expect(readRights(valuesOf(`rights: ${path}`))).toEqual({
      rights: [{ user: 'a', repositories: ['x'], actions: ['pull'] }],
      groups: { g: ['a', 'b'] },
    });
    expect(() => readRights(valuesOf(`rights: ${path}\ngroups: {g: [a]}`))).toThrow(`groups: they are in ${path}`);
    expect(() => readRights(valuesOf(`rights: ${fileOf('right: []')}`))).toThrow('rights file: unknown key right');
    expect(() => readRights(valuesOf(`rights: ${fileOf('')}`))).toThrow('a list with a rule in it');
    expect(() => readRights(valuesOf('rights: /nowhere'))).toThrow('rights /nowhere: ');
  });

  test.each([
    ['rights: []', 'a list with a rule in it'],
    ['rights: [a]', 'rights[0] is no mapping'],
    ['groups: {g: [a]}', 'there are no rights'],
    [rule('repositories: [x], actions: [pull]'), 'one of user, group and anonymous is needed'],
    [rule(`group: g, ${whole}`), 'one of user, group and anonymous is needed'],
    [rule('user: "", repositories: [x], actions: [pull]'), 'is no name'],
    [rule('anonymous: false, repositories: [x], actions: [pull]'), 'anonymous can only be true'],
    [rule('user: a, repositories: x, actions: [pull]'), 'repositories must be a list'],
    [rule('user: a, repositories: [x], actions: [read]'), 'actions must be a list of pull, push, delete'],
    [rule(`${whole}, repos: [x]`), 'rights[0]: unknown key repos'],
  ])('%s is refused', (content, message) => {
    expect(() => readRights(valuesOf(content))).toThrow(message);
  });
});

test('the flags of all settings, and of some', () => {
  expect(Object.keys(settingFlags(['retain', 'grace', 'groups']))).toEqual(['retain', 'grace']);
  expect(settingFlags().upstream?.parse('b', ['a'])).toEqual(['a', 'b']);
});
