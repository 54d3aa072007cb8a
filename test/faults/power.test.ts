import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { mediaTypes } from '#oci';
import { configFor, tar } from '../../src/images/fixture.ts';
import { digest, imageIndex, imageManifest, TestClient } from '../../src/registry/testing/client.ts';
import { killHard, linesOf, startOwnRegistry } from '../harness/index.ts';
import { PowerDisk } from '../harness/power-disk.ts';
import { random } from './random.ts';

/** ESTIBA_POWER=1 cuts after every single change; the suite takes a part, by a seed that it tells. */
const isThorough = process.env.ESTIBA_POWER !== undefined;
const cuts = 12;
const worker = join(import.meta.dir, 'power-worker.fixture.ts');

interface Report {
  readonly problems: readonly string[];
  /** The images by their names: as the records had them, and after the start. */
  readonly names: Readonly<Record<string, string>>;
  readonly kept: Readonly<Record<string, string>>;
}

/** What a name may stand for after a cut; undefined: it may be gone. `?`: anything. */
type Allowed = Map<string, (string | undefined)[]>;

/** Takes in what the worker says that it did. */
function note(allowed: Allowed, line: string): void {
  const [step, name = '', id] = line.split(' ');
  const before = allowed.get(name) ?? [undefined];
  if (step === 'making') allowed.set(name, [...before, '?']);
  // It is told, so it is there; and so is all that was done before.
  if (step === 'made') allowed.set(name, [id]);
  if (step === 'removing') allowed.set(name, [...before, undefined]);
}

function surprises(allowed: Allowed, { names, kept, problems }: Report): string[] {
  const found = [...problems];
  for (const [name, ids] of allowed) {
    if (!ids.includes(kept[name]) && !(ids.includes('?') && kept[name] !== undefined))
      found.push(`${name} is ${kept[name]}, not ${ids.join(' or ')}`);
    if (names[name] !== kept[name] && !ids.includes(undefined)) found.push(`${name} was named before it was whole`);
  }
  return found;
}

/** One life: starts on what the last cut left, works, is cut after so many changes (never without a number). */
async function live(
  disk: PowerDisk,
  { round, changes, host }: { round: number; changes?: number | undefined; host?: string },
  allowed: Allowed,
) {
  const command = [process.execPath, worker, join(disk.path, 'data'), String(round), ...(host ? [host] : [])];
  const child = Bun.spawn(disk.within(command), { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' });
  const complaint = child.stderr.text();
  const lines = linesOf(child.stdout);
  const said = (await lines.next()).value;
  if (said === undefined) throw new Error(`it did not start: ${await complaint}`);
  const report = JSON.parse(said) as Report;
  const found = surprises(allowed, report);
  // What the start found is what there is.
  for (const name of allowed.keys()) allowed.set(name, [report.kept[name]]);

  const cut = await disk.cutAfter(changes, child.pid);
  child.stdin.write('go\n');
  await child.stdin.flush();
  const listening = (async () => {
    for await (const line of lines) {
      if (line.startsWith('failed')) return line;
      if (line === 'finished') break;
      note(allowed, line);
    }
    return undefined;
  })();
  // Either it comes to its end, or the cut does.
  await Promise.race([listening, cut.counted]);
  const count = await cut.stop();
  if (changes !== undefined && count < changes) disk.cut(child.pid);
  await killHard(child.pid);
  const failure = await listening;
  if (failure !== undefined && (changes === undefined || count < changes)) found.push(failure);
  await disk.unmounted();
  return { found, count };
}

/** Cuts a life at points all over it, each on what the last one left; then one goes to its end. */
async function cutAll(fewest: number, begin: (round: number) => Promise<string | undefined>, parts = cuts) {
  const seed = Number(process.env.ESTIBA_SEED ?? Date.now() % 1_000_000) + 1;
  console.log(`ESTIBA_SEED=${seed - 1}`);
  const pick = random(seed);
  await using disk = new PowerDisk(96);
  const allowed: Allowed = new Map();
  const next = async (round: number, changes?: number) => {
    const host = await begin(round);
    return live(disk, { round, changes, ...(host !== undefined && { host }) }, allowed);
  };
  // How many changes a life has, on an empty disk and later.
  const { count } = await next(0);
  expect(count).toBeGreaterThan(fewest);
  const points = isThorough
    ? Array.from({ length: count }, (_, index) => index + 1)
    : Array.from({ length: parts }, (_, index) => Math.ceil(((index + pick(1000) / 1000) * count) / parts));
  for (const [index, point] of points.entries()) {
    const { found } = await next(index + 1, point);
    expect({ point, index, found }).toEqual({ point, index, found: [] });
  }
  const { found } = await next(points.length + 1);
  expect(found).toEqual([]);
}

const limitMs = isThorough ? 7_200_000 : 120_000;

test(
  'the power is cut in the midst of load, import, commit, rmi and prune: what was told is there, and all is whole',
  () => cutAll(300, async () => undefined),
  limitMs,
);

/** Puts an image below an index, and an artifact, into a registry. */
async function fill(client: TestClient, round: number): Promise<void> {
  const push = async (content: Uint8Array | string): Promise<void> => {
    const location = await client.startUpload('power/app');
    const answer = await client.send('PUT', `${location}?digest=${digest(content)}`, content);
    expect(answer.status).toBe(201);
    const mount = `?mount=${digest(content)}&from=power/app`;
    expect((await client.send('POST', `power/artifact/blobs/uploads/${mount}`)).status).toBe(201);
  };
  const put = async (place: string, content: string, mediaType: string): Promise<void> => {
    const answer = await client.send('PUT', place, content, { 'Content-Type': mediaType });
    expect(answer.status).toBe(201);
  };
  const files = (seed: number): Buffer =>
    tar(
      ...Array.from({ length: 20 }, (_, index) => ({
        path: `d-${seed}/${index}`,
        content: `${seed} ${index} `.repeat(500),
      })),
    );
  const plain = [files(0), files(1 + (round % 4)), files(100 + round)];
  const layers = plain.map((content) => new Uint8Array(gzipSync(content)));
  const config = configFor(plain, { architecture: 'amd64', os: 'linux' }).toString();
  for (const content of [...layers, config, '{}']) await push(content);
  const image = imageManifest(config, layers);
  await put(`power/app/manifests/${digest(image)}`, image, mediaTypes.manifest);
  await put(`power/app/manifests/${round % 3}`, imageIndex([image]), mediaTypes.index);
  const artifact = imageManifest('{}', layers.slice(1), { artifactType: 'application/vnd.example.thing' });
  await put(`power/artifact/manifests/${round % 2}`, artifact, mediaTypes.manifest);
}

test(
  'the power is cut in the midst of pull, push, image gc and prune: all is whole, and the next pull and push heal',
  async () => {
    await using registry = await startOwnRegistry();
    const client = new TestClient(registry.url);
    const begin = async (round: number): Promise<string> => {
      await fill(client, round);
      return new URL(registry.url).host;
    };
    await cutAll(100, begin, 7);
  },
  limitMs,
);
