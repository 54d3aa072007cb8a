import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '#linux/errno';
import { isMountPoint, unmount } from '#linux/mount';
import { messageOf } from '#std/errors';
import { newId } from '#std/identifiers';
import { log } from '#std/log';
import { mountLocal } from './local-mount.ts';
import { parseLocalOptions } from './options.ts';
import type { VolumeRecord } from './record.ts';

/** Prefix of what is being deleted; no volume's name begins so. */
const tombstone = '.removed-';

/** The local driver: a directory for each volume, on which its options may have something mounted while it is in use. */
export interface LocalVolumes {
  mountpoint(name: string): string;
  make(name: string): void;
  /** Makes its directory show what it is to show; mounted already is no error. */
  attach(record: VolumeRecord): Promise<void>;
  /** Takes away what its options mounted. */
  detach(name: string): void;
  /** Takes it out of sight in one step: a removal cut short never leaves half a volume. Returns what deletes its files. */
  takeAway(name: string): () => Promise<void>;
  /** Puts directories without a record in order; `adopt` is called for those with content. */
  reconcile(isKnown: (name: string) => boolean, adopt: (name: string) => void): void;
}

/** Opens the directories of volumes at `root`; `mountCommand` starts the process that makes mounts which may take long. */
export function openLocalVolumes(root: string, mountCommand: readonly string[] | undefined): LocalVolumes {
  mkdirSync(root, { recursive: true, mode: 0o701 });
  const mountpoint = (name: string): string => join(root, name, '_data');
  const detach = (name: string): void => void unmount(mountpoint(name), { lazy: true });

  /** What a removal left, and empty ones of a creation cut short, go. Data is never thrown away. */
  function adoptOrRemove(name: string, adopt: (name: string) => void): void {
    if (name.startsWith(tombstone)) {
      rmSync(join(root, name), { recursive: true, force: true });
      return;
    }
    detach(name);
    let content: string[] = [];
    try {
      content = readdirSync(mountpoint(name));
    } catch (error) {
      if (!hasCode(error, 'ENOENT') && !hasCode(error, 'ENOTDIR')) throw error;
    }
    if (content.length === 0) {
      rmSync(join(root, name), { recursive: true, force: true });
      return;
    }
    log('warn', 'adopted a volume that no record names', { volume: name });
    adopt(name);
  }

  return {
    mountpoint,
    make: (name) => void mkdirSync(mountpoint(name), { recursive: true, mode: 0o755 }),
    async attach(record) {
      const target = mountpoint(record.id);
      const request = parseLocalOptions(record.id, record.options);
      if (request !== undefined && isMountPoint(target)) return;
      mkdirSync(target, { recursive: true });
      if (request !== undefined) await mountLocal(request, target, mountCommand);
    },
    detach,
    takeAway(name) {
      const grave = join(root, `${tombstone}${newId()}`);
      detach(name);
      try {
        renameSync(join(root, name), grave);
      } catch (error) {
        if (!hasCode(error, 'ENOENT')) throw error;
      }
      return () => rm(grave, { recursive: true, force: true });
    },
    reconcile(isKnown, adopt) {
      for (const name of readdirSync(root)) {
        if (isKnown(name)) continue;
        try {
          adoptOrRemove(name, adopt);
        } catch (error) {
          log('error', 'volume directory not put in order', { directory: name, error: messageOf(error) });
        }
      }
    },
  };
}
