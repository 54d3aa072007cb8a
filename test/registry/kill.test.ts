import { afterAll, expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, digest, imageManifest, TestClient } from '../../src/registry/testing/client.ts';
import { estibaCommand, type OwnRegistry, run, startOwnRegistry } from '../harness/index.ts';

const graceMs = 250;
const rounds = 12;
const workers = 4;
/** How many images each life of the server takes before its end. */
const pushesOfLife = 8;
/** All work in few repositories with few contents, so that what one deletes another pushes. */
const repositories = ['churn/a', 'churn/b'];
const contents = Array.from({ length: 10 }, (_, index) => {
  const content = new Uint8Array(40_000 * (index + 1));
  for (let at = 0; at < content.length; at++) content[at] = (at * 31 + index * 7 + (at >> 8)) & 255;
  return content;
});

const registry = await startOwnRegistry({ arguments: ['--grace', `${graceMs}ms`, '--gc-interval', '10ms'] });
afterAll(() => registry[Symbol.asyncDispose]());

const random = (below: number): number => Math.floor(Math.random() * below);
const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;

/** What the server has promised and must never break. */
const broken: string[] = [];
let isOver = false;
let pushed = 0;

/** Whatever fails because the server was killed is tried again by the worker, from the start. */
async function whileAlive<T>(work: (client: TestClient) => Promise<T>): Promise<T | undefined> {
  try {
    return await work(new TestClient(registry.url));
  } catch {
    await Bun.sleep(20);
    return undefined;
  }
}

/** Where an upload is, once there is a server again; undefined when it is gone, be it that it became a blob. */
async function offsetOf(location: string): Promise<number | undefined> {
  while (!isOver) {
    const answer = await whileAlive((client) => client.send('GET', location));
    if (answer === undefined) continue;
    if (answer.status !== 204) return undefined;
    const last = Number(answer.headers.get('Range')?.split('-')[1]);
    return last === 0 ? 0 : last + 1;
  }
  return undefined;
}

/** Pushes a blob in pieces, and goes on where a killed server has it. */
async function pushBlob(client: TestClient, repository: string, content: Uint8Array): Promise<void> {
  if ((await client.send('HEAD', `${repository}/blobs/${digest(content)}`)).ok) return;
  const location = await client.startUpload(repository);
  let offset: number | undefined = 0;
  while (offset !== undefined && offset < content.length) {
    const end = Math.min(offset + 100_000, content.length);
    const from: number = offset;
    const range = { 'Content-Range': `${from}-${end - 1}` };
    const answer = await whileAlive((it) => it.send('PATCH', location, content.subarray(from, end), range));
    offset = answer?.status === 202 ? end : await offsetOf(location);
  }
  await whileAlive((it) => it.send('PUT', `${location}?digest=${digest(content)}`));
}

async function pushImage(client: TestClient): Promise<void> {
  const repository = pick(repositories);
  const layers = [pick(contents), pick(contents)];
  const config = JSON.stringify({ random: random(5) });
  for (const content of [...layers, Buffer.from(config)]) await pushBlob(client, repository, content);
  const now = new TestClient(registry.url);
  const askedAt = Date.now();
  for (const content of [...layers, Buffer.from(config)]) {
    if (!(await now.send('HEAD', `${repository}/blobs/${digest(content)}`)).ok) return;
  }
  // Time for a collection to come between.
  await Bun.sleep(random(graceMs / 2));
  const answer = await now.putManifest(repository, `t${random(6)}`, imageManifest(config, layers));
  const tookMs = Date.now() - askedAt;
  if (answer.status === 201) pushed += 1;
  else if (tookMs < graceMs * 0.8) broken.push(`pushed after HEAD, and yet ${answer.status}: ${await answer.text()}`);
}

async function removeSomething(client: TestClient): Promise<void> {
  const repository = pick(repositories);
  const tag = `t${random(6)}`;
  const found = await client.send('HEAD', `${repository}/manifests/${tag}`);
  const name = found.headers.get('Docker-Content-Digest');
  if (!found.ok || name === null) return;
  await client.send('DELETE', `${repository}/manifests/${random(2) === 0 ? tag : name}`);
}

/** Pulls an image by a tag; each thing that it names must be there, and be what it says, unless the image went meanwhile. */
async function checkImage(client: TestClient, repository: string, tag: string, isQuiet: boolean): Promise<void> {
  const answer = await client.send('GET', `${repository}/manifests/${tag}`);
  if (!answer.ok) return;
  const text = await answer.text();
  const name = answer.headers.get('Docker-Content-Digest') ?? '';
  if (digest(text) !== name) broken.push(`${repository}:${tag} is not ${name}`);
  const { config, layers } = JSON.parse(text) as { config: { digest: string }; layers: { digest: string }[] };
  for (const blob of [config, ...layers]) {
    const got = await client.send('GET', `${repository}/blobs/${blob.digest}`);
    const content = new Uint8Array(await got.arrayBuffer());
    if (got.ok && digest(content) === blob.digest) continue;
    const isThere = isQuiet || (await client.send('HEAD', `${repository}/manifests/${name}`)).ok;
    if (isThere) broken.push(`${repository}:${tag} names ${blob.digest}: ${got.status}, ${content.length} bytes`);
  }
}

async function work(): Promise<void> {
  while (!isOver) {
    const dice = random(10);
    await whileAlive((client) => {
      if (dice < 6) return pushImage(client);
      return dice < 8 ? removeSomething(client) : checkImage(client, pick(repositories), `t${random(6)}`, false);
    });
  }
}

async function checkAll({ url }: OwnRegistry): Promise<number> {
  const client = new TestClient(url);
  let count = 0;
  for (const repository of repositories) {
    const answer = await client.send('GET', `${repository}/tags/list`);
    const { tags = [] } = (await answer.json()) as { tags?: string[] };
    for (const tag of tags) await checkImage(client, repository, tag, true);
    count += tags.length;
  }
  return count;
}

test('pushes, pulls, deletions and collection at once, and the server killed again and again: what is named is there', async () => {
  const working = Array.from({ length: workers }, work);
  for (let round = 0; round < rounds; round++) {
    const before = pushed;
    const until = Date.now() + 20_000;
    // Some work is done in each life, and the end comes at any point of it.
    while (pushed < before + pushesOfLife && Date.now() < until) await Bun.sleep(5);
    await Bun.sleep(random(40));
    await registry.kill();
    await registry.start();
  }
  isOver = true;
  await Promise.all(working);
  expect(broken).toEqual([]);
  expect(pushed).toBeGreaterThanOrEqual(rounds * pushesOfLife);

  const tags = await checkAll(registry);
  expect(await registry.stop()).toBe(0);
  // With no grace at all nothing stays but what is named, and that is whole.
  const collected = await run([
    ...estibaCommand(),
    'registry',
    'gc',
    '--root',
    registry.root,
    '--grace',
    '0',
    '--upload-life',
    '0',
  ]);
  expect(collected).toMatchObject({ code: 0, stderr: expect.not.stringContaining('level=error') });
  await registry.start();
  expect(await checkAll(registry)).toBe(tags);
  expect(broken).toEqual([]);
  const files = readdirSync(join(registry.root, 'blobs/sha256')).map((name) => `sha256:${name}`);
  const client = new TestClient(registry.url);
  for (const file of files) {
    const holders = await Promise.all(repositories.map((name) => client.send('HEAD', `${name}/blobs/${file}`)));
    expect(holders.some(({ ok }) => ok)).toBe(true);
  }
  expect(readdirSync(join(registry.root, 'uploads'))).toEqual([]);
}, 120_000);

test('an upload goes on in the next life of the server', async () => {
  const content = contents.at(-1) as Uint8Array;
  const name = digest(content);
  const location = await new TestClient(registry.url).startUpload('resumed/r');
  await new TestClient(registry.url).send('PATCH', location, content.subarray(0, 150_000));
  await registry.kill();
  await registry.start();
  const client = new TestClient(registry.url);
  expect((await client.send('GET', location)).headers.get('Range')).toBe('0-149999');
  expect((await client.send('PATCH', location, content.subarray(150_000))).status).toBe(202);
  expect((await client.send('PUT', `${location}?digest=${name}`)).status).toBe(201);
  expect(
    describe(new Uint8Array(await (await client.send('GET', `resumed/r/blobs/${name}`)).arrayBuffer())).digest,
  ).toBe(name);
}, 60_000);
