/**
 * Says how images came out of the last cut, and works on them until the next: for power.test.ts. Arguments: the data root,
 * the number of the round, from which all that it does follows, and a registry's host where it is to pull and push. One line
 * of JSON, then a line for each step begun and done.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Digester, formatReference, parseImageConfig, parseReference, withDefaultTag } from '#oci';
import { packLayer } from '#store';
import { dockerArchive, openImagesIn, type Part, streamOf, tar } from '../../src/images/fixture.ts';
import { imageProblems, readRecords } from './wholeness.ts';

const [dataRoot = '', number = '0', host] = process.argv.slice(2);
const round = Number(number);

/** Small files and a large one, in directories, with a link and a whiteout. */
function layer(seed: number): Buffer {
  const files: Part[] = Array.from({ length: 12 }, (_, index) => ({
    path: `dir-${index % 4}/file-${index}`,
    mode: 0o640,
    content: Buffer.alloc(index === 5 ? 300_000 : 900 * index, `${seed}-${index} `),
  }));
  const special: Part[] = [
    { path: `dir-${seed}`, type: 'directory', mode: 0o711 },
    { path: `dir-${seed}/link`, type: 'symlink', linkPath: `../dir-1/file-${seed}` },
    { path: `dir-${seed}/hard`, type: 'hardlink', linkPath: 'dir-1/file-5' },
    { path: `dir-2/.wh.gone-${seed}`, mode: 0 },
  ];
  return tar(...files, ...special);
}

const before = readRecords(join(dataRoot, 'records.db'));
const problems = [...before.problems];
mkdirSync(dataRoot, { recursive: true });
const { records, images } = await openImagesIn(dataRoot, {
  gcPolicy: () => ({ high: { bytes: 1 }, low: { bytes: 1 }, keepLast: 1, pinned: [], minAgeMs: 0 }),
});
await images.reconcile();
await images.settled();
problems.push(...(await imageProblems(dataRoot)));
// What earlier cuts left without an end would fill the disk.
for (const id of images.rootfs.list()) await images.rootfs.remove(id);
await images.prune(new Map());
await images.settled();
const names = Object.fromEntries(before.of('image-references').map(({ id, imageId }) => [id, imageId]));
const references = records.collection<{ id: string; imageId: string }>('image-references').all();
const kept = Object.fromEntries([...references].map(({ id, imageId }) => [id, imageId]));
process.stdout.write(`${JSON.stringify({ problems, names, kept })}\n`);

// After the cut anything may fail, and in the background too.
process.on('uncaughtException', () => undefined);
process.on('unhandledRejection', () => undefined);
// Nothing is to change before somebody counts.
for await (const _ of process.stdin) break;

function say(step: string, name: string, id = ''): void {
  process.stdout.write(`${step} ${formatReference(parseReference(name))} ${id}\n`);
}

async function make(name: string, work: () => Promise<string>): Promise<string> {
  say('making', name);
  const id = await work();
  say('made', name, id);
  return id;
}

/** What a build does: a layer that is a tree, above an image. */
async function build({ chain }: { chain: readonly string[] }, name: string): Promise<string> {
  const { builds } = images;
  const draft = builds.draft(chain);
  for (let index = 0; index < 10; index += 1) {
    mkdirSync(join(draft.directory, `step-${index}`));
    writeFileSync(join(draft.directory, `step-${index}/file`), Buffer.alloc(7000 * index, `${round}`));
  }
  const digester = new Digester();
  for (const chunk of packLayer(draft.directory)) digester.update(chunk);
  const { sizeBytes: tarSizeBytes } = digester;
  const below = builds.hold(chain) ?? [];
  const made = builds.adopt({ draft, diffId: digester.finish(), tarSizeBytes, sizeBytes: 1 }, chain);
  await builds.sync();
  const diffIds = [...below, made].map(({ diffId }) => diffId);
  const content = Buffer.from(JSON.stringify({ os: 'linux', rootfs: { type: 'layers', diff_ids: diffIds } }));
  const references = [withDefaultTag(parseReference(name))];
  const built = [...chain, made.chainId];
  const id = await builds.commit({ content, file: parseImageConfig(content), chain: built, references });
  builds.release(built);
  return id;
}

async function work(): Promise<void> {
  const app = `app:${round % 3}`;
  await make(app, async () => {
    const archive = dockerArchive([layer(0), layer(1 + (round % 4)), layer(100 + round)], [app]);
    for await (const _ of images.load(streamOf(archive, 65_536), { quiet: true }));
    return images.resolve(app).id;
  });
  const imported = `imported:${round % 2}`;
  await make(imported, async () => {
    const body = streamOf(layer(200 + round));
    return await images.import({ body, repository: 'imported', tag: `${round % 2}`, changes: [] });
  });
  const container = `container-${round}`;
  images.rootfs.create(container, images.resolve(app));
  const { UpperDir = '' } = images.rootfs.describe(container).Data;
  for (let index = 0; index < 8; index += 1) {
    writeFileSync(join(UpperDir, `changed-${index}`), Buffer.alloc(50_000 * index, `${round}`));
  }
  await make(`committed:${round % 2}`, async () => {
    const names = { repository: 'committed', tag: `${round % 2}`, author: '', comment: '' };
    const none = {} as Parameters<typeof images.commit>[0]['containerConfig'];
    return (await images.commit({ ...names, containerId: container, config: {}, containerConfig: none })).id;
  });
  await make(`built:${round % 2}`, () => build(images.resolve(app), `built:${round % 2}`));
  const older = `app:${(round + 1) % 3}`;
  say('removing', older);
  await images.remove(older, { force: false, noPrune: false }).catch(() => []);
  await images.prune(new Map());
  for (const id of images.rootfs.list()) if (id !== container) await images.rootfs.remove(id);
  await images.settled();
}

/** What power.test.ts has put into the registry for this round; a layer is shared with all, another with some. */
async function pullAndPush(registry: string): Promise<void> {
  const signal = AbortSignal.timeout(60_000);
  for (const name of [`${registry}/power/app:${round % 3}`, `${registry}/power/artifact:${round % 2}`]) {
    await make(name, async () => {
      for await (const { error } of await images.pull({ reference: name, signal })) if (error) throw new Error(error);
      return images.resolve(name).id;
    });
  }
  const pushed = `${registry}/power/pushed:${round % 2}`;
  await make(pushed, () => {
    const body = streamOf(layer(300 + round), 65_536);
    return images.import({ body, repository: `${registry}/power/pushed`, tag: `${round % 2}`, changes: [] });
  });
  for await (const { error } of images.push({ name: pushed, credentials: {}, signal })) {
    if (error) throw new Error(error);
  }
  for (const kept of [0, 1, 2]) {
    for (const repository of ['app', 'artifact', 'pushed']) say('removing', `${registry}/power/${repository}:${kept}`);
  }
  await images.gc.run();
  await images.prune(new Map([['dangling', ['false']]]));
  await images.settled();
}

await (host === undefined ? work() : pullAndPush(host)).then(
  () => process.stdout.write('finished\n'),
  (error: unknown) => process.stdout.write(`failed ${String(error).replaceAll('\n', ' ')}\n`),
);
// Until it is killed, so that the disk stays where it is.
setInterval(() => undefined, 60_000);
