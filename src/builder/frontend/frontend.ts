import {
  type Checks,
  checksOf,
  type Dockerfile,
  DockerfileError,
  parseChecked,
  requireBuiltInSyntax,
} from '#dockerfile';
import type { BuildContext } from '../solver/types.ts';
import type { FrontendRequest, FrontendResult } from '../types.ts';
import { type BuildFiles, readBuildFiles, type Surroundings } from './build-files.ts';
import { ImageBases } from './image-bases.ts';
import { NamedContexts } from './named-contexts.ts';
import { readOptions } from './options.ts';
import type { FrontendParts } from './parts.ts';
import { type DockerfileBuild, PlatformBuild } from './platform-build.ts';
import { type Answer, describeRequests, lint, listTargets, outline, unknownRequest } from './subrequests.ts';
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
    if (options.subrequest !== undefined) {
      const metadata = await answer(surroundings, options.subrequest);
      return { outputs: [], isMultiPlatform: false, metadata };
    }
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

function createBuild(surroundings: Surroundings, files: BuildFiles, dockerfile: Dockerfile): DockerfileBuild {
  const bases = new ImageBases(surroundings);
  const contexts = new NamedContexts(surroundings, bases);
  return { surroundings, files, dockerfile, bases, contexts, showsPlatform: surroundings.options.isMultiPlatform };
}

async function buildDockerfile(surroundings: Surroundings, files: BuildFiles): Promise<FrontendResult> {
  const { options, context } = surroundings;
  let checks: Checks | undefined;
  try {
    checks = checksOf(files.text, options.checkText);
    const dockerfile = parseChecked(files.text, checks);
    if (options.syntax === undefined) requireBuiltInSyntax(dockerfile.syntax.directives.syntax);
    const build = createBuild(surroundings, files, dockerfile);
    // What is odd in a file is told once, whatever it is built for.
    const builds = options.platforms.map(
      (platform, index) => new PlatformBuild(build, platform, index === 0 ? checks : undefined),
    );
    const outputs = await Promise.all(builds.map((one) => one.run()));
    const { epochSeconds } = options;
    const epoch = epochSeconds === undefined ? [] : [[epochKey, Buffer.from(epochSeconds.toString())] as const];
    return { outputs, isMultiPlatform: options.isMultiPlatform, metadata: new Map(epoch) };
  } finally {
    if (checks !== undefined) reportWarnings(checks.warnings, files, context.onProgress);
  }
}

/** Answers a question about a Dockerfile, in place of building it. */
async function answer(surroundings: Surroundings, name: string): Promise<Answer> {
  if (name === 'frontend.subrequests.describe') return describeRequests();
  if (!['frontend.lint', 'frontend.outline', 'frontend.targets'].includes(name)) throw unknownRequest(name);
  const files = await readBuildFiles(surroundings);
  try {
    if (name === 'frontend.lint') return await lint(surroundings, files);
    const dockerfile = parseChecked(files.text, checksOf(files.text, 'skip=all'));
    if (name === 'frontend.targets') return listTargets(dockerfile, files);
    const { options, parts } = surroundings;
    const build = createBuild(surroundings, files, dockerfile);
    const [platform = parts.platform] = options.platforms;
    return await outline(new PlatformBuild(build, platform, undefined), dockerfile, files);
  } catch (error) {
    throw withSource(error, files);
  }
}
