import type { llb } from '#build-api';
import type { Vertex } from '#builder';

const decoder = new TextDecoder();

/** Which lines of which file the operations of a definition come from, by their digests. */
export function originsOf(source: llb.Source | undefined): ReadonlyMap<string, NonNullable<Vertex['origin']>> {
  const origins = new Map<string, NonNullable<Vertex['origin']>>();
  if (source === undefined) return origins;
  const files = source.infos.map(({ filename, data }) => ({ fileName: filename, text: decoder.decode(data) }));
  for (const [digest, { locations }] of source.locations) {
    const file = files[locations[0]?.sourceIndex ?? 0];
    const ranges = locations[0]?.ranges ?? [];
    if (file === undefined || ranges.length === 0) continue;
    const first = Math.min(...ranges.map(({ start }) => start?.line ?? 0));
    const last = Math.max(...ranges.map(({ start, end }) => end?.line ?? start?.line ?? 0));
    origins.set(digest, { ...file, lines: { first, last } });
  }
  return origins;
}
