import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { spreadDirectories } from '#linux/directory-spread';
import { hasCode } from '#linux/errno';
import { exchangePaths } from '#linux/exchange-paths';
import { isMountPoint, mountOverlay, unmountInBackground } from '#linux/mount';
import { encodedOf } from '#oci';
import { messageOf } from '#std/errors';
import { newId } from '#std/identifiers';
import { log } from '#std/log';
import { Removals, removeHere } from './removals.ts';
import { treeSizeBytes } from './tree-size.ts';

/** A layer that is being unpacked: in a directory of its own until it is given its chain id. */
export interface LayerDraft {
  readonly directory: string;
  /**
   * Gives it its place; when the layer is there already, this one is removed instead. `likeParent` is the chain id of the layer
   * below when it brings no root directory of its own: then it takes over that one's owner and mode.
   */
  commit(chainId: string, likeParent: string | undefined): void;
  /**
   * Takes the place of the layer that is there, in one step, or the empty place of one that is gone. Nothing may have that
   * layer mounted: what it was is removed.
   */
  replace(chainId: string, likeParent: string | undefined): void;
  discard(): void;
}

/** Where a container's file system lives. */
export interface ContainerPaths {
  readonly upper: string;
  readonly work: string;
  readonly merged: string;
  /** The layers below, topmost first. */
  readonly lower: readonly string[];
}

/** Layers that are mounted, or are to be looked at where they are. */
export interface LayersMount {
  readonly directory: string;
  /** Once is enough; the second time is harmless. */
  unmount(): Promise<void>;
}

/** Directory trees by overlayfs: one directory a layer (what that layer alone changes), three a container. */
export interface Snapshots {
  hasLayer(chainId: string): boolean;
  layerPath(chainId: string): string;
  /** `likeTop`, the chain id of the layer that it will stand on, gives it that one's owner and mode from the beginning. */
  draftLayer(likeTop?: string): LayerDraft;
  /**
   * Mounts layers, from the base up, for reading, or with `upper` (a directory of a draft) above them; nothing that is written
   * there is synced at its end (`volatile`).
   */
  mountLayers(chain: readonly string[], upper?: string): LayersMount;
  /** Takes a layer away at once; its files go in the background. */
  removeLayer(chainId: string): void;
  listLayers(): string[];

  containerPaths(containerId: string, chain: readonly string[]): ContainerPaths;
  createContainer(containerId: string, chain: readonly string[]): void;
  /** Mounts and returns the mount point; mounted already is no error. `volatile`: see `OverlayMount`. */
  mountContainer(containerId: string, chain: readonly string[], options?: { volatile?: boolean }): string;
  isContainerMounted(containerId: string): boolean;
  /** Not mounted is no error. */
  unmountContainer(containerId: string): void;
  removeContainer(containerId: string): void;
  listContainers(): string[];
  /** Bytes in the writable layer, of files with several links once. */
  containerSizeBytes(containerId: string): Promise<number>;

  /** Begins to remove what was taken away or never finished before the process was killed. */
  removeLeftovers(): void;
  /** When all that goes on in the background is done. */
  settled(): Promise<void>;
}

/** Makes `directory` look like `model`: an overlay's root has the owner and the mode of its topmost directory. */
function takeAfter(directory: string, model: string): void {
  const { uid, gid, mode } = statSync(model);
  if (uid !== 0 || gid !== 0) chownSync(directory, uid, gid);
  chmodSync(directory, mode & 0o7777);
}

/** Opens the snapshots under `directory`. */
export function openSnapshots(directory: string): Snapshots {
  const layers = join(directory, 'layers');
  const containers = join(directory, 'containers');
  const unfinished = join(directory, 'unfinished');
  const removed = join(directory, 'removed');
  const empty = join(directory, 'empty');
  const mounts = join(directory, 'mounts');
  // Layers hold set-user-id programs and devices of strangers: nobody but root may reach them.
  for (const path of [directory, layers, containers, unfinished, removed, mounts])
    mkdirSync(path, { recursive: true, mode: 0o700 });
  mkdirSync(empty, { recursive: true, mode: 0o755 });
  spreadDirectories(unfinished);
  const background = new Set<Promise<void>>();
  const removals = new Removals();

  function inBackground(work: Promise<void>, what: string): void {
    const settled: Promise<void> = work
      .catch((error: unknown) => log('warn', 'clean-up failed', { what, error: messageOf(error) }))
      .finally(() => background.delete(settled));
    background.add(settled);
  }

  /** Takes a tree out of its place; what is in it goes in the background. */
  function takeAway(path: string, remove: (away: string) => Promise<void> = (away) => removals.remove(away)): void {
    const away = join(removed, newId());
    try {
      renameSync(path, away);
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return;
      throw error;
    }
    inBackground(remove(away), away);
  }

  const layerPath = (chainId: string): string => join(layers, encodedOf(chainId));
  const containerPath = (containerId: string): string => join(containers, containerId);

  function containerPaths(containerId: string, chain: readonly string[]): ContainerPaths {
    const base = containerPath(containerId);
    const lower = chain.map(layerPath).reverse();
    return {
      upper: join(base, 'upper'),
      work: join(base, 'work'),
      merged: join(base, 'merged'),
      lower: lower.length === 0 ? [empty] : lower,
    };
  }

  function draftLayer(likeTop?: string): LayerDraft {
    const draft = join(unfinished, newId());
    mkdirSync(draft, { mode: 0o755 });
    takeAfter(draft, likeTop === undefined ? empty : layerPath(likeTop));
    return {
      directory: draft,
      commit(chainId, likeParent) {
        if (lstatSync(layerPath(chainId), { throwIfNoEntry: false }) !== undefined) {
          takeAway(draft);
          return;
        }
        if (likeParent !== undefined) takeAfter(draft, layerPath(likeParent));
        renameSync(draft, layerPath(chainId));
      },
      replace(chainId, likeParent) {
        if (likeParent !== undefined) takeAfter(draft, layerPath(likeParent));
        if (lstatSync(layerPath(chainId), { throwIfNoEntry: false }) === undefined) {
          renameSync(draft, layerPath(chainId));
          return;
        }
        exchangePaths(draft, layerPath(chainId));
        takeAway(draft);
      },
      discard: () => takeAway(draft),
    };
  }

  function mountLayers(chain: readonly string[], upper?: string): LayersMount {
    if (upper === undefined && chain.length === 0) return { directory: empty, unmount: async () => undefined };
    const lower = chain.map(layerPath).reverse();
    // Alone, a layer would show its marks for what is gone; and overlayfs wants two to read from.
    if (lower.length < 2) lower.push(empty);
    const base = join(mounts, newId());
    const [merged, work] = [join(base, 'merged'), join(base, 'work')];
    mkdirSync(base, { mode: 0o700 });
    mkdirSync(merged, { mode: 0o755 });
    if (upper !== undefined) mkdirSync(work, { mode: 0o755 });
    try {
      mountOverlay({ target: merged, lower, ...(upper !== undefined && { upper, work, volatile: true }) });
    } catch (error) {
      rmSync(base, { recursive: true, force: true });
      throw error;
    }
    return { directory: merged, unmount: () => endMount(base) };
  }

  async function endMount(base: string): Promise<void> {
    const detached = unmountInBackground(join(base, 'merged'));
    if (detached !== false) await detached;
    rmSync(base, { recursive: true, force: true });
  }

  function createContainer(containerId: string, chain: readonly string[]): void {
    const { upper, work, merged, lower } = containerPaths(containerId, chain);
    mkdirSync(containerPath(containerId), { mode: 0o700 });
    for (const path of [upper, work, merged]) mkdirSync(path, { mode: 0o755 });
    takeAfter(upper, lower[0] ?? empty);
  }

  function mountContainer(containerId: string, chain: readonly string[], options: { volatile?: boolean } = {}): string {
    const { upper, work, merged, lower } = containerPaths(containerId, chain);
    if (isMountPoint(merged)) return merged;
    // The kernel leaves this mark in a volatile overlay, and refuses to mount it again.
    rmSync(join(work, 'work', 'incompat'), { recursive: true, force: true });
    mountOverlay({ target: merged, lower, upper, work, volatile: options.volatile ?? false });
    return merged;
  }

  function detach(containerId: string): Promise<void> | false {
    return unmountInBackground(join(containerPath(containerId), 'merged'));
  }

  return {
    hasLayer: (chainId) => lstatSync(layerPath(chainId), { throwIfNoEntry: false }) !== undefined,
    layerPath,
    draftLayer,
    mountLayers,
    removeLayer: (chainId) => takeAway(layerPath(chainId)),
    listLayers: () => readdirSync(layers).map((name) => `sha256:${name}`),
    containerPaths,
    createContainer,
    mountContainer,
    isContainerMounted: (containerId) => isMountPoint(join(containerPath(containerId), 'merged')),
    unmountContainer(containerId) {
      const rest = detach(containerId);
      if (rest !== false) inBackground(rest, containerId);
    },
    removeContainer(containerId) {
      const detached = detach(containerId);
      takeAway(containerPath(containerId), async (away) => {
        if (detached !== false) await detached;
        await removeHere(away);
      });
    },
    listContainers: () => readdirSync(containers),
    containerSizeBytes: (containerId) => treeSizeBytes(join(containerPath(containerId), 'upper')),
    removeLeftovers() {
      for (const name of readdirSync(mounts)) inBackground(endMount(join(mounts, name)), name);
      for (const name of readdirSync(unfinished)) takeAway(join(unfinished, name));
      for (const name of readdirSync(removed)) {
        inBackground(removals.remove(join(removed, name)), name);
      }
    },
    async settled() {
      while (background.size > 0) await Promise.all(background);
    },
  };
}
