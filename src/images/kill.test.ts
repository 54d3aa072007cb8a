import { expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTarReader, Digester, encodedOf } from '#oci';
import { openImagesIn } from './fixture.ts';
import type { Images } from './types.ts';

const kills = 10;
const child = join(import.meta.dir, 'kill-child.fixture.ts');

async function killAtRandom(dataRoot: string): Promise<void> {
  const process_ = Bun.spawn([process.execPath, child, dataRoot], { stdout: 'pipe', stderr: 'inherit' });
  const reader = process_.stdout.getReader();
  const { done } = await reader.read();
  if (done) throw new Error('the child ended by itself');
  await Bun.sleep(Math.random() * 150);
  process_.kill('SIGKILL');
  await process_.exited;
}

/** Reads what save gives, and checks every blob against its name. */
async function checkArchive(images: Images, id: string): Promise<number> {
  let name = '';
  let digester = new Digester();
  let checked = 0;
  const reader = createTarReader({
    entry(entry) {
      name = entry.path;
      digester = new Digester();
    },
    data: (chunk) => digester.update(chunk),
    end() {
      if (!name.startsWith('blobs/sha256/') || name.endsWith('/')) return;
      expect(encodedOf(digester.finish())).toBe(name.slice('blobs/sha256/'.length));
      checked += 1;
    },
  });
  for await (const chunk of await images.save([id])) await reader.write(chunk);
  reader.close();
  return checked;
}

test(`after each of ${kills} kills everything is whole, and nothing is left over`, async () => {
  const dataRoot = mkdtempSync(join(tmpdir(), 'images-kill-'));
  const files = (...path: string[]): string[] => readdirSync(join(dataRoot, ...path)).sort();
  try {
    for (let round = 0; round < kills; round += 1) {
      await killAtRandom(dataRoot);
      const opened = await openImagesIn(dataRoot);
      const { images } = opened;
      using records = opened.records;
      const before = records.collection('images').size;
      await images.reconcile();
      await images.settled();

      const all = images.list({ all: true, digests: true, filters: new Map() });
      // A record names nothing but what was complete: reconciliation has no image to drop.
      expect(all).toHaveLength(before);
      const layers = new Set<string>();
      const blobs = new Set<string>();
      for (const { Id } of all) {
        const { chain } = images.resolve(Id);
        expect(await checkArchive(images, Id)).toBe(2 + new Set(images.inspect(Id).RootFS.Layers).size);
        for (const chainId of chain) layers.add(encodedOf(chainId));
        blobs.add(encodedOf(Id));
      }
      for (const { id, chain } of records.collection<{ id: string; chain: string[] }>('rootfs').all()) {
        expect(images.rootfs.list()).toContain(id);
        for (const chainId of chain) layers.add(encodedOf(chainId));
      }
      for (const { blob } of records.collection<{ id: string; blob: string }>('layers').all())
        blobs.add(encodedOf(blob));
      expect(files('snapshots/layers')).toEqual([...layers].sort());
      expect(files('blobs/sha256')).toEqual([...blobs].sort());
      for (const path of ['snapshots/unfinished', 'snapshots/removed', 'blobs/unfinished'])
        expect(files(path)).toEqual([]);
      expect(images.rootfs.list().length).toBe(records.collection('rootfs').size);
    }
  } finally {
    rmSync(dataRoot, { recursive: true });
  }
}, 60_000);
