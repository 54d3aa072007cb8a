import type { Records } from '#store';

interface ImageUse {
  /** Of the image. */
  readonly id: string;
  readonly usedAtMs: number;
}

/** When images were last used: made, fetched, or a container made from them. */
export interface LastUsed {
  note(imageId: string): void;
  /** Milliseconds of the epoch; for an image that nothing was noted of, this is its first use. */
  of(imageId: string): number;
  /** Forgets images that are gone. */
  keepOnly(isThere: (imageId: string) => boolean): void;
}

/** A record is at most so much behind: it is one write of no more than tens of microseconds, but not for each container. */
const writtenEveryMs = 60_000;

/** Opens what is kept in `records`; never synced, for it may be a little wrong. */
export function openLastUsed(records: Pick<Records, 'collection' | 'transaction'>): LastUsed {
  const uses = records.collection<ImageUse>('image-uses');
  const newest = new Map<string, number>();

  function note(imageId: string): number {
    const now = Date.now();
    newest.set(imageId, now);
    const written = uses.get(imageId)?.usedAtMs ?? 0;
    if (now - written >= writtenEveryMs) uses.put({ id: imageId, usedAtMs: now });
    return now;
  }

  return {
    note: (imageId) => void note(imageId),
    of: (imageId) => newest.get(imageId) ?? uses.get(imageId)?.usedAtMs ?? note(imageId),
    keepOnly(isThere) {
      const gone = [...uses.all()].filter(({ id }) => !isThere(id));
      if (gone.length === 0) return;
      records.transaction(() => {
        for (const { id } of gone) {
          uses.delete(id);
          newest.delete(id);
        }
      });
    },
  };
}
