import type { ContainerCreateRequest, ContainerCreateResponse } from '#api';
import { createContainer, type EngineClient } from '#client';
import { EstibaError, fail } from '#std/errors';
import type { ConfigFile } from '../../connection/config-file.ts';
import { printProgress } from '../../print/progress.ts';
import { writeErr } from '../../streams/text-output.ts';
import { familiarName } from '../../values/references.ts';
import { startPull } from '../image/pull-image.ts';

export interface CreateOptions {
  readonly program: 'estiba' | 'docker';
  readonly name: string;
  readonly platform: string;
  readonly pull: string;
  readonly quiet: boolean;
  readonly config: ConfigFile;
}

function isMissingImage(error: unknown): boolean {
  return (
    error instanceof EstibaError &&
    error.kind === 'not-found' &&
    /no such image|does not (?:match|provide) the specified platform/i.test(error.message)
  );
}

async function pull(engine: EngineClient, image: string, options: CreateOptions): Promise<void> {
  try {
    const messages = await startPull(engine, image, options);
    await printProgress(messages, { fd: 2, quiet: options.quiet });
  } catch (error) {
    if (options.program === 'docker' || !(error instanceof EstibaError)) throw error;
    const bootstrap = /^(?:debian:bookworm|busybox:latest)$/.test(familiarName(image))
      ? `estiba image bootstrap ${familiarName(image).replace(':latest', '')}`
      : 'estiba image bootstrap debian:bookworm';
    const hint = `A base image made of this host's own packages needs no registry: ${bootstrap}`;
    throw fail(error.kind, `${error.message}\n\n${hint}`, error);
  }
}

/** Creates a container; an image that is missing is pulled first, as `--pull` says. Warnings go to standard error. */
export async function createPulling(
  engine: EngineClient,
  request: ContainerCreateRequest,
  options: CreateOptions,
): Promise<ContainerCreateResponse> {
  const image = request.Image ?? '';
  const create = (): Promise<ContainerCreateResponse> =>
    createContainer(engine, request, { name: options.name || undefined, platform: options.platform || undefined });
  if (options.pull === 'always') await pull(engine, image, options);
  let created: ContainerCreateResponse;
  try {
    created = await create();
  } catch (error) {
    if (!isMissingImage(error) || options.pull === 'never') throw error;
    writeErr(`Unable to find image '${familiarName(image)}' locally\n`);
    await pull(engine, image, options);
    created = await create();
  }
  for (const warning of created.Warnings ?? []) writeErr(`WARNING: ${warning}\n`);
  return created;
}
