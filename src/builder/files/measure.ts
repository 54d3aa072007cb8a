import { Digester } from '#oci';
import { packLayer } from '#store';
import type { Pace } from './pace.ts';

/** What a layer is as a tar. */
export interface Measured {
  readonly diffId: string;
  readonly tarSizeBytes: number;
  readonly sizeBytes: number;
}

/** Hashes the tar that a layer's directory would be packed to; nothing is written. */
export function measureTree(directory: string, pace: Pace): Measured {
  const digester = new Digester();
  // Work that is given up closes what it has open.
  using tar = packLayer(directory);
  for (;;) {
    const next = tar.next();
    if (next.done) return { ...next.value, tarSizeBytes: digester.sizeBytes, diffId: digester.finish() };
    // Headers are of half a kilobyte each: of empty files, too, it is the bytes that count.
    pace.spend(0, next.value.length);
    digester.update(next.value);
  }
}
