import { chmodSync, chownSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { BuildLayers } from '#images';
import { mountOverlay, unmount } from '#linux/mount';
import type { LayerDraft } from '#store';
import type { Result } from '../result.ts';

/** A result that is mounted for one step. */
export interface MountedResult {
  readonly directory: string;
  /** What is written into it; undefined where nothing can be, or where it is thrown away. */
  readonly draft?: LayerDraft;
  /** Unmounts it. What it has written stays until `discard`. */
  unmount(): Promise<void>;
  /** Removes what was written; unmounted before. */
  discard(): void;
}

const nothing = (): void => undefined;

/** Layers with a draft over them. */
export function mountWritable(builds: BuildLayers, chain: readonly string[]): MountedResult & { draft: LayerDraft } {
  const draft = builds.draft(chain);
  try {
    const { directory, unmount: release } = builds.mount(chain, draft);
    return { directory, draft, unmount: release, discard: () => draft.discard() };
  } catch (error) {
    draft.discard();
    throw error;
  }
}

/** Mounts a result that nobody writes into. */
export function mountReadOnly(builds: BuildLayers, result: Result): MountedResult {
  if (result.kind === 'directory') {
    return { directory: result.path, unmount: () => Promise.resolve(), discard: nothing };
  }
  const { directory, unmount: release } = builds.mount(result.chain);
  return { directory, unmount: release, discard: nothing };
}

/** A directory of somebody else's with changes over it that are thrown away; they are kept in `scratch` meanwhile. */
export function mountOver(source: string, scratch: string): MountedResult {
  const [upper, work, merged] = ['upper', 'work', 'merged'].map((name) => join(scratch, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(scratch, { recursive: true, mode: 0o700 });
  for (const path of [upper, work, merged]) mkdirSync(path);
  const { uid, gid, mode } = statSync(source);
  chownSync(upper, uid, gid);
  chmodSync(upper, mode & 0o7777);
  const discard = (): void => rmSync(scratch, { recursive: true, force: true });
  try {
    mountOverlay({ target: merged, lower: [source], upper, work, volatile: true });
  } catch (error) {
    discard();
    throw error;
  }
  const release = (): Promise<void> => {
    unmount(merged, { lazy: true });
    return Promise.resolve();
  };
  return { directory: merged, unmount: release, discard };
}
