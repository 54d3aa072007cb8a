import type { ContainerConfig } from '#api';
import type { Events } from '#events';
import type { Images } from '#images';
import { fail } from '#std/errors';
import { announce } from '../announce.ts';
import type { Catalog } from '../catalog.ts';
import { mergeConfig } from '../create/merge.ts';
import type { ContainerPaths } from '../paths.ts';
import type { ContainerRecord } from '../record.ts';
import { pause, unpause } from '../stop/pause.ts';

/** `docker commit`. */
export interface CommitOptions {
  readonly repository?: string;
  readonly tag?: string;
  readonly author: string;
  readonly comment: string;
  /** Its processes stand still meanwhile. */
  readonly pause: boolean;
  /** Dockerfile instructions. */
  readonly changes: readonly string[];
  /** The new image's configuration where it is not to be the container's; completed by that. */
  readonly config?: Partial<ContainerConfig>;
}

/** What a commit takes. */
export interface CommitParts {
  readonly catalog: Catalog;
  readonly events: Events;
  readonly images: Images;
  readonly paths: ContainerPaths;
}

/** Runs `body` while the container stands still, if it runs. */
async function whilePaused<T>(parts: CommitParts, { id, life }: ContainerRecord, body: () => Promise<T>): Promise<T> {
  const { catalog, events, paths } = parts;
  if (life.phase !== 'running') return body();
  await pause(catalog, events, paths, id, { isBrief: true });
  try {
    return await body();
  } finally {
    // It may have been thawed, or ended, by somebody else.
    if (catalog.get(id)?.life.phase === 'paused') await unpause(catalog, events, paths, id);
  }
}

/** Makes an image of a container; returns its id. All that can be wrong with the request is told before anything is done. */
export async function commit(parts: CommitParts, name: string, options: CommitOptions): Promise<string> {
  const { catalog, events, images } = parts;
  const { repository, tag, author, comment, changes } = options;
  images.checkName(repository, tag);
  const record = catalog.find(name);
  if (record.life.phase === 'removing') {
    throw fail('conflict', `You cannot commit container ${record.id} which is being removed`);
  }
  const changed = images.change(changes, options.config ?? record.config);
  const config = { ...mergeConfig(changed, record.config), OnBuild: changed.OnBuild ?? null };
  const make = async (): Promise<string> => {
    const made = await images.commit({
      containerId: record.id,
      ...(repository === undefined ? {} : { repository }),
      ...(tag === undefined ? {} : { tag }),
      author,
      comment,
      config,
      containerConfig: record.config,
    });
    announce(events, record, 'commit', { comment, imageID: made.id, imageRef: made.name });
    return made.id;
  };
  return options.pause ? whilePaused(parts, record, make) : make();
}
