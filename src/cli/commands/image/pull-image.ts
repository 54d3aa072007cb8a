import type { ProgressMessage } from '#api';
import { type EngineClient, pullImage } from '#client';
import { parseReference } from '#oci';
import type { ConfigFile } from '../../connection/config-file.ts';
import { imageCredentials } from '../../connection/credentials.ts';
import { parseImageName } from '../../values/references.ts';

/** A name with its registry, as docker sends it; what can be none is the engine's to say. */
function fullName(repository: string): string {
  try {
    return parseReference(repository).name;
  } catch {
    return repository;
  }
}

/** The credentials for an image; none for a name that can be none. */
function credentialsFor(config: ConfigFile, repository: string): ReturnType<typeof imageCredentials> {
  const name = fullName(repository);
  return name.includes('/') ? imageCredentials(config, name) : Promise.resolve(undefined);
}

/** Has the engine fetch an image, with what the configuration knows of its registry; `all` means each of its tags. */
export async function startPull(
  engine: EngineClient,
  image: string,
  options: { readonly platform: string; readonly all?: boolean; readonly config: ConfigFile },
): Promise<AsyncIterable<ProgressMessage>> {
  const { repository, tag, digest } = parseImageName(image);
  return await pullImage(
    engine,
    {
      fromImage: fullName(repository),
      tag: options.all ? undefined : (digest ?? tag ?? 'latest'),
      platform: options.platform || undefined,
    },
    await credentialsFor(options.config, repository),
  );
}
