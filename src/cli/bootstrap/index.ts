import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail } from '#std/errors';
import { type BaseImage, packImage } from './archive.ts';
import { installBusybox } from './busybox.ts';
import { installDebian } from './debian.ts';

/** A base image that can be made: how it is installed, and what it runs. */
interface Recipe {
  readonly reference: string;
  readonly createdBy: string;
  readonly command: readonly string[];
  /** Fills `rootfs` and returns the time of the newest package in seconds since the epoch. */
  install(rootfs: string, scratch: string, signal: AbortSignal): Promise<number>;
}

const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const recipes: Readonly<Record<string, Recipe>> = {
  'debian:bookworm': {
    reference: 'debian:bookworm',
    createdBy: 'debootstrap --variant=minbase bookworm',
    command: ['bash'],
    install: (rootfs, _scratch, signal) => installDebian('bookworm', rootfs, signal),
  },
  busybox: {
    reference: 'busybox:latest',
    createdBy: 'busybox-static',
    command: ['sh'],
    install: installBusybox,
  },
};

/** A base image on its way to an engine. */
export interface Bootstrapped extends AsyncDisposable {
  /** `sha256:…` of the configuration: the same for the same packages. */
  readonly id: string;
  readonly reference: string;
  /** A docker-archive, for `POST /images/load`. */
  readonly archive: ReadableStream<Uint8Array>;
}

/**
 * Makes a base image, `debian:bookworm` or `busybox`, of the distribution's own packages from the mirror that the
 * host's apt uses. Disposing it removes its temporary files. Throws `invalid-argument` for any other name.
 */
export async function bootstrapImage(
  name: string,
  options: { tag?: string; signal: AbortSignal },
): Promise<Bootstrapped> {
  const recipe = recipes[name.replace(/^busybox:latest$/, 'busybox')];
  if (recipe === undefined) {
    throw fail(
      'invalid-argument',
      `cannot bootstrap "${name}": the base images are ${Object.keys(recipes).join(' and ')}`,
    );
  }
  const scratch = mkdtempSync(join(tmpdir(), 'estiba-bootstrap-'));
  const dispose = (): void => rmSync(scratch, { recursive: true, force: true });
  try {
    const rootfs = join(scratch, 'rootfs');
    const work = join(scratch, 'work');
    mkdirSync(rootfs);
    chmodSync(rootfs, 0o755);
    mkdirSync(work);
    const createdSeconds = await recipe.install(rootfs, work, options.signal);
    const reference = options.tag ?? recipe.reference;
    const image: BaseImage = {
      rootfs,
      reference: reference.includes(':', reference.lastIndexOf('/') + 1) ? reference : `${reference}:latest`,
      createdSeconds,
      createdBy: recipe.createdBy,
      config: { Env: [path], Cmd: [...recipe.command] },
    };
    const { id, archive, close } = await packImage(image, work, options.signal);
    return {
      id,
      reference: image.reference,
      archive,
      async [Symbol.asyncDispose]() {
        await close();
        dispose();
      },
    };
  } catch (error) {
    dispose();
    throw error;
  }
}
