import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { digest, imageManifest, TestClient } from '../../src/registry/testing/client.ts';
import { estibaCommand, killHard, linesOf } from '../harness/index.ts';
import { PowerDisk } from '../harness/power-disk.ts';
import { random } from './random.ts';

const isThorough = process.env.ESTIBA_POWER !== undefined;
const cuts = 8;

/** What clients were told of a registry, by `repository/blobs/DIGEST` and the like. */
class Told {
  /** The digests that a path may have, undefined where it may not be there: several while nothing was answered. */
  readonly #possible = new Map<string, (string | undefined)[]>();

  async change(path: string, content: string | undefined, request: () => Promise<Response>): Promise<void> {
    this.#possible.set(path, [...(this.#possible.get(path) ?? [undefined]), content]);
    const answer = await request();
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    this.#possible.set(path, [content]);
  }

  /** A collection of garbage: what may go besides is blobs, and of those none that a manifest names. */
  async collect(gone: readonly string[], request: () => Promise<Response>): Promise<void> {
    const blobs = [...this.#possible.keys()].filter((path) => path.includes('/blobs/'));
    for (const path of [...blobs, ...gone]) {
      this.#possible.set(path, [...(this.#possible.get(path) ?? []), undefined]);
    }
    const answer = await request();
    const text = await answer.text();
    if (!answer.ok) throw new Error(`garbage: ${answer.status} ${text}`);
    for (const path of gone) this.#possible.set(path, [undefined]);
  }

  /** Manifests of which a part is missing. */
  async #incomplete(client: TestClient): Promise<string[]> {
    const found: string[] = [];
    for (const path of this.#possible.keys()) {
      const [repository, kind] = path.split('/');
      if (kind !== 'manifests') continue;
      const answer = await client.send('GET', path);
      if (answer.status === 404) continue;
      const { config, layers } = (await answer.json()) as Record<'config' | 'layers', { digest: string }[]>;
      for (const { digest: name } of [config, layers].flat()) {
        const blob = await client.send('GET', `${repository}/blobs/${name}`);
        if (digest(new Uint8Array(await blob.arrayBuffer())) !== name) found.push(`${path}: ${name} is missing`);
      }
    }
    return found;
  }

  /** What is not so. Whatever a path has by now, it keeps. */
  async problems(client: TestClient): Promise<string[]> {
    const found = await this.#incomplete(client);
    for (const [path, possible] of this.#possible) {
      const answer = await client.send('GET', path);
      const content = new Uint8Array(await answer.arrayBuffer());
      const actual = answer.status === 404 ? undefined : digest(content);
      if (!possible.includes(actual)) found.push(`${path}: ${answer.status} ${actual}, not ${possible.join(' or ')}`);
      this.#possible.set(path, [actual]);
    }
    return found;
  }
}

const accept = { 'Content-Type': 'application/vnd.oci.image.manifest.v1+json' };

/** Pushes an image in two repositories, removes it from one, and collects what is left of it: by the ways that clients have. */
async function work(client: TestClient, told: Told, round: number, socket: string): Promise<void> {
  const config = JSON.stringify({ round });
  const layers = [1, 2].map((index) => new Uint8Array(Buffer.alloc(150_000 * index, `${round}-${index}`)));
  const push = async (content: Uint8Array | string, isWhole: boolean, repository = 'one'): Promise<void> => {
    const name = digest(content);
    const location = await client.startUpload(repository);
    await told.change(`${repository}/blobs/${name}`, name, async () => {
      const half = Math.floor(content.length / 2);
      if (isWhole) return await client.send('PUT', `${location}?digest=${name}`, content);
      await client.send('PATCH', location, content.slice(0, half));
      await client.send('PATCH', location, content.slice(half));
      return await client.send('PUT', `${location}?digest=${name}`);
    });
  };
  await Promise.all(layers.map((layer, index) => push(layer, index === 0)));
  await push(config, true);
  const manifest = imageManifest(config, layers);
  const name = digest(manifest);
  const tagged = async (repository: string, tag: string): Promise<void> => {
    await told.change(`${repository}/manifests/${tag}`, name, () =>
      client.send('PUT', `${repository}/manifests/${tag}`, manifest, accept),
    );
  };
  await tagged('one', `tag-${round % 3}`);
  for (const content of [...layers, config]) {
    const blob = digest(content);
    await told.change(`two/blobs/${blob}`, blob, () =>
      client.send('POST', `two/blobs/uploads/?mount=${blob}&from=one`),
    );
  }
  await tagged('two', name);
  await tagged('two', 'latest');
  await told.change(`one/manifests/tag-${round % 3}`, undefined, () =>
    client.send('DELETE', `one/manifests/tag-${round % 3}`),
  );
  await tagged('one', 'last');
  const garbage = `nobody names it in round ${round}`;
  await push(garbage, true, 'three');
  await told.collect([`two/manifests/${name}`, 'two/manifests/latest'], () =>
    client.send('DELETE', `two/manifests/${name}`),
  );
  await told.collect(
    [`three/blobs/${digest(garbage)}`, ...[...layers, config].map((content) => `two/blobs/${digest(content)}`)],
    () => fetch('http://registry/collect', { method: 'POST', unix: socket }),
  );
  // Unfinished for good.
  await client.send('PATCH', await client.startUpload('one'), layers[0]);
}

async function serve(root: string, within: (command: readonly string[]) => readonly string[]) {
  const command = [
    ...estibaCommand(),
    'registry',
    'serve',
    '--listen',
    '127.0.0.1:0',
    '--root',
    root,
    '--grace',
    '0ms',
  ];
  const child = Bun.spawn([...within(command)], { stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' });
  const said: string[] = [];
  for await (const line of linesOf(child.stderr)) {
    said.push(line);
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
    if (url !== undefined && line.includes('registry ready')) return { pid: child.pid, client: new TestClient(url) };
  }
  throw new Error(`the registry did not start:\n${said.join('\n')}`);
}

/** Cuts at `point` changes (never without one), and then at once; gives what is not as it was told, and the changes. */
async function live(disk: PowerDisk, round: number, changes: number | undefined, told: Told) {
  const { pid, client } = await serve(join(disk.path, 'registry'), (command) => disk.within(command));
  const found = await told.problems(client);
  const cut = await disk.cutAfter(changes, pid);
  const socket = join(disk.seenThrough(pid), 'registry/admin.sock');
  const working = work(client, told, round, socket).catch((error: unknown) => error);
  await Promise.race([working, cut.counted]);
  const count = await cut.stop();
  const isCut = changes !== undefined && count >= changes;
  if (!isCut) disk.cut(pid);
  await killHard(pid);
  const failure = await working;
  if (failure !== undefined && !isCut) found.push(String(failure));
  await disk.unmounted();
  return { found, count };
}

test(
  'the power of a registry is cut in the midst of pushes, removals and collections: what it answered is so, and no blob is broken',
  async () => {
    const seed = Number(process.env.ESTIBA_SEED ?? Date.now() % 1_000_000) + 1;
    console.log(`ESTIBA_SEED=${seed - 1}`);
    const pick = random(seed);
    await using disk = new PowerDisk(96);
    const told = new Told();
    const { count } = await live(disk, 0, undefined, told);
    expect(count).toBeGreaterThan(20);
    const points = isThorough
      ? Array.from({ length: count }, (_, index) => index + 1)
      : Array.from({ length: cuts }, (_, index) => Math.ceil(((index + pick(1000) / 1000) * count) / cuts));
    for (const [index, point] of [...points, undefined].entries()) {
      const { found } = await live(disk, index + 1, point, told);
      expect({ point, index, found }).toEqual({ point, index, found: [] });
    }
  },
  isThorough ? 3_600_000 : 120_000,
);
