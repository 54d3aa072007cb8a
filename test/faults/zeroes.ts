import { gzipSync } from 'node:zlib';
import { Digester, tarEnd, tarHeader } from '#oci';
import { configFor } from '../../src/images/fixture.ts';

const piece = Buffer.alloc(32 * 1024 * 1024);

/** Parts of a tar with one file of zeroes, each with how often it comes. */
function parts(mebibytes: number): (readonly [Uint8Array, number])[] {
  const count = mebibytes / 32;
  const header = tarHeader({ path: 'zeroes', sizeBytes: piece.length * count });
  return [
    [header, 1],
    [piece, count],
    [tarEnd, 1],
  ];
}

function configOf(mebibytes: number): Buffer {
  const digester = new Digester();
  for (const [part, count] of parts(mebibytes)) for (let at = 0; at < count; at += 1) digester.update(part);
  return configFor([], { rootfs: { type: 'layers', diff_ids: [digester.finish()] } });
}

/** As many gzip members, for no memory holds all of it at once. */
function packed(pieces: readonly (readonly [Uint8Array, number])[]): Buffer {
  return Buffer.concat(pieces.flatMap(([part, count]) => Array.from({ length: count }, () => gzipSync(part))));
}

/** A layer of so many MiB of zeroes (in steps of 32), a thousandth of that when packed, and the configuration of its image. */
export function zeroLayer(mebibytes: number): { readonly blob: Buffer; readonly config: Buffer } {
  return { blob: packed(parts(mebibytes)), config: configOf(mebibytes) };
}

/** The same as a docker-archive that is packed as a whole: its layer is as large as it says. */
export function zeroArchive(mebibytes: number, name: string): Buffer {
  const layer = parts(mebibytes);
  const sizeBytes = layer.reduce((sum, [part, count]) => sum + part.length * count, 0);
  const file = (path: string, content: Buffer): (readonly [Uint8Array, number])[] => [
    [tarHeader({ path, sizeBytes: content.length }), 1],
    [Buffer.concat([content, Buffer.alloc(511 - ((content.length + 511) % 512))]), 1],
  ];
  const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }];
  return packed([
    [tarHeader({ path: 'layer.tar', sizeBytes }), 1],
    ...layer,
    ...file('config.json', configOf(mebibytes)),
    ...file('manifest.json', Buffer.from(JSON.stringify(manifest))),
    [tarEnd, 1],
  ]);
}
