import { type Checks, checksOf, DockerfileError, parseChecked, requireBuiltInSyntax } from '#dockerfile';
import type { BuildContext } from '../solver/types.ts';
import type { FrontendRequest, FrontendResult } from '../types.ts';
import { type BuildFiles, readBuildFiles } from './build-files.ts';
import { ImageBases } from './image-bases.ts';
import { NamedContexts } from './named-contexts.ts';
import { readOptions } from './options.ts';
import type { FrontendParts } from './parts.ts';
import { type DockerfileBuild, PlatformBuild } from './platform-build.ts';
import { reportWarnings } from './warnings.ts';

/** What a client asks for by BuildKit's option of that name. */
const epochKey = 'source.date.epoch';

/** Makes graphs of Dockerfiles: BuildKit's frontend `dockerfile.v0`. */
export function createDockerfileFrontend(
  parts: FrontendParts,
): (request: FrontendRequest, context: BuildContext) => Promise<FrontendResult> {
  return async (request, context) => {
    const options = readOptions(request.options, parts.platform);
    requireBuiltInSyntax(options.syntax);
    const surroundings = { options, inputs: request.inputs, context, parts };
    const files = await readBuildFiles(surroundings);
    try {
      return await buildDockerfile(surroundings, files);
    } catch (error) {
      throw withSource(error, files);
    }
  };
}

/** An error of a Dockerfile says which file it is about. */
function withSource(error: unknown, { fileName, text }: BuildFiles): unknown {
  if (error instanceof DockerfileError) error.source ??= { fileName, text };
  return error;
}

async function buildDockerfile(
  surroundings: DockerfileBuild['surroundings'],
  files: BuildFiles,
): Promise<FrontendResult> {
  const { options, context } = surroundings;
  const report = (checks: Checks | undefined): void => {
    if (checks !== undefined) reportWarnings(checks.warnings, files, context.onProgress);
  };
  let checks: Checks | undefined;
  try {
    checks = checksOf(files.text, options.checkText);
    const dockerfile = parseChecked(files.text, checks);
    if (options.syntax === undefined) requireBuiltInSyntax(dockerfile.syntax.directives.syntax);
    const bases = new ImageBases(surroundings);
    const build: DockerfileBuild = {
      surroundings,
      files,
      dockerfile,
      bases,
      contexts: new NamedContexts(surroundings, bases),
      showsPlatform: options.isMultiPlatform,
    };
    // What is odd in a file is told once, whatever it is built for.
    const builds = options.platforms.map(
      (platform, index) => new PlatformBuild(build, platform, index === 0 ? checks : undefined),
    );
    const outputs = await Promise.all(builds.map((one) => one.run()));
    const { epochSeconds } = options;
    const epoch = epochSeconds === undefined ? [] : [[epochKey, Buffer.from(epochSeconds.toString())] as const];
    return { outputs, isMultiPlatform: options.isMultiPlatform, metadata: new Map(epoch) };
  } finally {
    report(checks);
  }
}
