/** Works on images until it is killed: for kill.test.ts. Arguments: the data root. */
import { dockerArchive, openImagesIn, streamOf, tar } from './fixture.ts';

const dataRoot = process.argv[2] ?? '';
const { images } = await openImagesIn(dataRoot);
await images.reconcile();

/** Large and varied enough that a kill falls into the middle of something. */
function layer(seed: number): Buffer {
  const files = Array.from({ length: 40 }, (_, index) => ({
    path: `dir-${index % 7}/file-${index}`,
    content: Buffer.alloc(20_000, `${seed}-${index} `),
  }));
  return tar(...files);
}

const base = layer(0);
for (let round = 0; ; round += 1) {
  const name = `app:${round % 3}`;
  const archive = dockerArchive([base, layer(1 + (round % 5)), layer(100 + round)], [name]);
  for await (const _ of images.load(streamOf(archive, 65_536), { quiet: true }));
  if (round === 0) process.stdout.write('working\n');
  const id = await images.import({ body: streamOf(layer(round)), repository: 'imported', changes: [] });
  images.rootfs.create(`${process.pid}-${round}`, images.resolve(id));
  if (round % 2 === 1) await images.rootfs.remove(`${process.pid}-${round - 1}`);
  if (round % 3 === 2) await images.remove(name, { force: false, noPrune: false });
  await images.prune(new Map());
}
