import { afterAll, beforeEach, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveEngine } from './resolve.ts';

const tls = { use: false, verify: false, ca: '', cert: '', key: '' };
const folder = mkdtempSync(join(tmpdir(), 'estiba-context-'));
const variables = ['DOCKER_HOST', 'DOCKER_CONTEXT', 'DOCKER_API_VERSION', 'DOCKER_CONFIG'];
const before = new Map(variables.map((name) => [name, process.env[name]]));

const meta = join(folder, 'contexts', 'meta', createHash('sha256').update('far').digest('hex'));
mkdirSync(meta, { recursive: true });
writeFileSync(join(meta, 'meta.json'), JSON.stringify({ Name: 'far', Endpoints: { docker: { Host: 'tcp://far:1' } } }));

beforeEach(() => {
  for (const name of variables) delete process.env[name];
  rmSync(join(folder, 'config.json'), { force: true });
});

afterAll(() => {
  for (const [name, value] of before) if (value !== undefined) process.env[name] = value;
  rmSync(folder, { recursive: true });
});

async function host(options: { hosts?: string[]; context?: string } = {}): Promise<string> {
  const all = { hosts: options.hosts ?? [], context: options.context ?? '', configFolder: folder, tls };
  return (await resolveEngine('estiba', all)).engine.endpoint.text;
}

test('the engine is our own unless something else is said', async () => {
  expect(await host()).toBe('unix:///run/estiba/estiba.sock');
});

test('the nearer word counts: --host, --context, DOCKER_HOST, DOCKER_CONTEXT, the configuration', async () => {
  writeFileSync(join(folder, 'config.json'), '{"currentContext":"far"}');
  expect(await host()).toBe('tcp://far:1');
  process.env.DOCKER_CONTEXT = 'default';
  expect(await host()).toBe('unix:///run/estiba/estiba.sock');
  process.env.DOCKER_HOST = 'tcp://near:2';
  expect(await host()).toBe('tcp://near:2');
  expect(await host({ context: 'far' })).toBe('tcp://far:1');
  expect(await host({ hosts: ['unix:///x'] })).toBe('unix:///x');
});

test('what cannot be is refused', async () => {
  await expect(host({ hosts: ['unix:///x'], context: 'far' })).rejects.toThrow(
    'cannot specify both --host and --context',
  );
  await expect(host({ hosts: ['unix:///x', 'unix:///y'] })).rejects.toThrow('Specify only one -H');
  await expect(host({ context: 'nowhere' })).rejects.toThrow('context "nowhere": context not found');
  writeFileSync(join(folder, 'config.json'), '{');
  await expect(host()).rejects.toThrow('Error loading config file');
});

test("the version of the API is the engine's newest unless one is asked for", async () => {
  const options = { hosts: ['unix:///x'], context: '', configFolder: folder, tls };
  expect((await resolveEngine('docker', options)).engine.options.version).toBeUndefined();
  process.env.DOCKER_API_VERSION = '1.44';
  expect((await resolveEngine('docker', options)).engine.options.version).toBe('1.44');
});
