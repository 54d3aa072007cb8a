import { describe, expect, test } from 'bun:test';
import { openApi } from './testing/open-api.ts';

const { ask } = openApi();
const status = async (method: string, target: string) => (await ask(method, target)).status;

describe('what this engine does not have', () => {
  test.each(['/swarm', '/services', '/services/x', '/nodes', '/tasks/x/logs', '/secrets/x', '/configs'])(
    'GET %s: no swarm manager',
    async (path) => {
      const answer = await ask('GET', path);
      expect(answer.status).toBe(503);
      expect(JSON.parse(answer.text).message).toStartWith('This node is not a swarm manager.');
    },
  );

  test('plugins: none, and no name is one', async () => {
    expect((await ask('GET', '/plugins')).text).toBe('[]\n');
    const answer = await ask('GET', '/plugins/a/b:latest/json');
    expect([answer.status, answer.text]).toEqual([404, '{"message":"plugin \\"a/b:latest\\" not found"}\n']);
    expect(await status('POST', '/plugins/x/enable')).toBe(404);
  });

  test('checkpoints are experimental', async () => {
    expect(await status('POST', '/containers/x/checkpoints')).toBe(501);
    expect(await status('DELETE', '/containers/x/checkpoints/y')).toBe(501);
    expect(await status('DELETE', '/containers/checkpoints')).toBe(404);
  });

  test('there is nothing to prune of networks and of a builder', async () => {
    expect((await ask('POST', '/networks/prune')).text).toBe('{"NetworksDeleted":null}\n');
    expect((await ask('POST', '/build/prune?all=1')).text).toBe('{"CachesDeleted":null,"SpaceReclaimed":0}\n');
    expect(await status('POST', `/networks/prune?filters=${encodeURIComponent('{"nope":["x"]}')}`)).toBe(400);
  });
});

describe('auth', () => {
  const body = JSON.stringify({ username: 'me', password: 'secret' });

  test('gives what the registry gave', async () => {
    const answer = await ask('POST', '/auth', { body });
    expect(JSON.parse(answer.text)).toEqual({ Status: 'Login Succeeded', IdentityToken: 'token of me' });
    expect((await ask('POST', '/auth', { body: '{}' })).status).toBe(401);
    expect((await ask('POST', '/auth', { body: '{"username":5}' })).status).toBe(400);
  });
});

describe('paths', () => {
  test.each([
    ['/v1.51//containers//json?all=1', '/v1.51/containers/json?all=1'],
    ['/containers/../version', '/version'],
    ['/containers/%2e%2e/%2e%2e/etc/x%20y/', '/etc/x%20y/'],
    ['//', '/'],
  ])('%s is sent to %s', async (target, location) => {
    const { status, headers } = await ask('GET', target);
    expect([status, headers.Location]).toEqual([301, location]);
  });

  test('a name with dots in it is a name', async () => {
    expect(await status('GET', '/containers/a..b/json')).toBe(404);
    expect((await ask('GET', '/nope')).text).toBe('{"message":"page not found"}\n');
  });
});
