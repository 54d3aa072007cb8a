import { type Dockerfile, isGitSource, parseDockerfile, requireBuiltInSyntax } from '#dockerfile';
import { fail, kindOf, messageOf } from '#std/errors';
import { newId } from '#std/identifiers';
import { type BuildFiles, readBuildFiles, type Surroundings } from '../frontend/build-files.ts';
import { ImageBases } from '../frontend/image-bases.ts';
import { NamedContexts } from '../frontend/named-contexts.ts';
import { readOptions } from '../frontend/options.ts';
import { PlatformBuild } from '../frontend/platform-build.ts';
import type { BuildSession } from '../session/session.ts';
import type { BuildContext } from '../solver/types.ts';
import type { ClassicParts, ClassicRequest } from './types.ts';
import type { StepWatch } from './watch.ts';

/** A classic build that can begin: its Dockerfile is read. */
export interface PreparedBuild {
  readonly surroundings: Surroundings;
  readonly files: BuildFiles;
  readonly dockerfile: Dockerfile;
  /** Index of the stage that is asked for. */
  readonly target: number;
  /** Builds this Dockerfile, or the beginning of it. */
  readonly buildOf: (dockerfile: Dockerfile) => PlatformBuild;
}

/** Finds the stage that is asked for. Throws in BuildKit's words when it is not there. */
function targetIn({ stages }: Dockerfile, target: string | undefined): number {
  if (target === undefined) return stages.length - 1;
  const index = stages.findLastIndex(({ name }) => name !== '' && name === target.toLowerCase());
  if (index !== -1) return index;
  throw fail('invalid-argument', `target stage ${JSON.stringify(target)} could not be found`);
}

/** The id of an image that is called by it, or by its beginning. Only the classic builder takes ids, as those of its own steps. */
function idOf({ store }: ClassicParts, name: string): string | undefined {
  const [, hex] = /^(?:sha256:)?([0-9a-f]+)$/.exec(name) ?? [];
  if (hex === undefined) return undefined;
  try {
    const { id } = store.resolve(name);
    return id.startsWith(`sha256:${hex}`) ? id : undefined;
  } catch (error) {
    if (kindOf(error) === 'not-found') return undefined;
    throw error;
  }
}

async function readDockerfile(surroundings: Surroundings): Promise<BuildFiles> {
  const { fileName, remoteContext } = surroundings.options;
  if (remoteContext !== '' && !isGitSource(remoteContext) && !/^(?:https?:|github\.com)\//.test(remoteContext)) {
    throw fail('internal', `remoteURL (${remoteContext}) could not be recognized as URL`);
  }
  try {
    return await readBuildFiles(surroundings);
  } catch (error) {
    const message = messageOf(error);
    if (message.startsWith('failed to read dockerfile: open ')) {
      throw fail('internal', `Cannot locate specified Dockerfile: ${fileName}`, error);
    }
    if (remoteContext === '' || surroundings.context.signal.aborted) throw error;
    throw fail('internal', `error downloading remote context ${remoteContext}: ${message}`, error);
  }
}

/** Reads what is to be built. Throws as the classic builder does before its stream begins. */
export async function prepareBuild(
  parts: ClassicParts,
  request: ClassicRequest,
  session: BuildSession,
  watch: StepWatch,
  signal: AbortSignal,
): Promise<PreparedBuild> {
  // Its steps find the repository of a context, too.
  const options = { ...readOptions(request.options, parts.platform), isClassic: true, keepsGitDirectory: true };
  const plain: BuildContext = {
    id: newId(),
    sessions: [session],
    onProgress: watch.onProgress,
    signal,
    imageResolveMode: options.imageResolveMode ?? 'default',
    cacheImports: [],
    isLogUnlimited: true,
    whenTaken: () => watch.whenTaken(),
  };
  const cacheImports = request.caches.length === 0 ? [] : await parts.importCaches(request.caches, plain);
  const surroundings: Surroundings = { options, inputs: new Map(), context: { ...plain, cacheImports }, parts };
  const files = await readDockerfile(surroundings);
  if (files.text.trim() === '') {
    throw fail('invalid-argument', `the Dockerfile (${files.fileName}) cannot be empty`);
  }
  const dockerfile = parseDockerfile(files.text);
  requireBuiltInSyntax(dockerfile.syntax.directives.syntax);
  const target = targetIn(dockerfile, options.target);
  const [platform = parts.platform] = options.platforms;
  const { target: _, ...untargeted } = options;
  // The stages behind the target are left out, and all that are left are built.
  const shared: Surroundings = { ...surroundings, options: untargeted };
  const bases = new ImageBases(shared, (name) => idOf(parts, name));
  const contexts = new NamedContexts(shared, bases);
  const buildOf = (part: Dockerfile): PlatformBuild =>
    new PlatformBuild(
      { surroundings: shared, files, dockerfile: part, bases, contexts, showsPlatform: false },
      platform,
      undefined,
    );
  return { surroundings: shared, files, dockerfile, target, buildOf };
}
