import { ignoreFilesOf, isGitSource, readIgnoreFile } from '#dockerfile';
import type { Platform } from '#oci';
import { fail } from '#std/errors';
import { createVertex } from '../graph/create-vertex.ts';
import type { CopyAction } from '../graph/operation.ts';
import type { Edge } from '../graph/vertex.ts';
import type { BuildContext } from '../solver/types.ts';
import { copyAction } from './copy-action.ts';
import { gitSource, parseGitReference } from './git-source.ts';
import { localSource } from './local-source.ts';
import type { DockerfileOptions } from './options.ts';
import type { FrontendParts } from './parts.ts';
import { readInside } from './read-inside.ts';

/** What reading the files of a build needs. */
export interface Surroundings {
  readonly options: DockerfileOptions;
  readonly inputs: ReadonlyMap<string, Edge>;
  readonly context: BuildContext;
  readonly parts: FrontendParts;
}

/** Where a build's files come from. */
export interface BuildFiles {
  readonly fileName: string;
  readonly text: string;
  /** What the Dockerfile is read from: warnings are shown there. */
  readonly definition: Edge;
  /** Patterns of the context's ignore file; none for a context that is not the client's. */
  readonly ignorePatterns: () => Promise<readonly string[]>;
  /** The context, no more of it than what leads to `paths` when they are given. */
  readonly contextOf: (paths: readonly string[] | undefined, excludes: readonly string[]) => Edge;
}

/** More than any Dockerfile or ignore file is. */
const fileBytesMax = 16 << 20;

const decode = (content: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(content);

/** Works out an edge and reads files of it: those of `paths` that are there. */
export async function readFiles(
  { parts, context }: Pick<Surroundings, 'parts' | 'context'>,
  edge: Edge,
  paths: readonly string[],
): Promise<Map<string, Uint8Array>> {
  const held = await parts.solve(edge, context);
  try {
    const opened = await parts.files.open(held.result);
    try {
      const found = new Map<string, Uint8Array>();
      for (const path of paths) {
        const content = await readInside(opened.directory, path, fileBytesMax);
        if (content !== undefined) found.set(path, content);
      }
      return found;
    } finally {
      await opened.close();
    }
  } finally {
    held.release();
  }
}

const magics: readonly (readonly number[])[] = [
  [0x1f, 0x8b],
  [0x42, 0x5a, 0x68],
  [0xfd, 0x37, 0x7a, 0x58, 0x5a],
  [0x28, 0xb5, 0x2f, 0xfd],
];

/** Whether bytes begin as a tar does, or as something compressed. */
function isArchive(content: Uint8Array): boolean {
  if (magics.some((magic) => magic.every((byte, index) => content[index] === byte))) return true;
  return Buffer.from(content.subarray(257, 262)).toString('latin1') === 'ustar';
}

/** One copy into an empty file system. */
function copied(edge: Edge, platform: Platform, name: string, given: Parameters<typeof copyAction>[0]): Edge {
  const action: CopyAction = copyAction(given);
  const vertex = createVertex({
    operation: { type: 'file', actions: [{ input: -1, secondaryInput: 0, output: 0, action }] },
    inputs: [edge],
    platform,
    name,
    isUncached: false,
  });
  return { vertex, output: 0 };
}

const remoteTitle = '[internal] load remote build context';

/** A context from the web: an archive, or nothing but the Dockerfile. */
export async function webContext(given: Surroundings, url: string): Promise<{ edge: Edge; fileName?: string }> {
  const { platform } = given.parts;
  const vertex = createVertex({
    operation: { type: 'source', identifier: url, attributes: { 'http.filename': 'context' } },
    inputs: [],
    platform,
    name: remoteTitle,
    isUncached: false,
  });
  const edge = { vertex, output: 0 };
  const content = (await readFiles(given, edge, ['context'])).get('context');
  if (content === undefined || !isArchive(content)) return { edge, fileName: 'context' };
  return {
    edge: copied(edge, platform, 'copy /context /', { source: '/context', destination: '/', unpacks: true }),
  };
}

interface Contexts {
  readonly context?: Edge;
  readonly dockerfile?: Edge;
  readonly fileName?: string;
}

async function contextsOf(given: Surroundings): Promise<Contexts> {
  const { options, inputs, parts } = given;
  const { remoteContext, keepsGitDirectory } = options;
  const { platform } = parts;
  if (remoteContext === '') {
    const context = inputs.get(options.contextName);
    const dockerfile = inputs.get(options.dockerfileName);
    return { ...(context && { context }), ...(dockerfile && { dockerfile }) };
  }
  if (isGitSource(remoteContext) || remoteContext.startsWith('github.com/')) {
    const reference = parseGitReference(remoteContext);
    const name = `[internal] load git source ${remoteContext}`;
    const edge = gitSource(reference, { keepsGitDirectory, platform, name, isUncached: false });
    return { context: edge, dockerfile: edge };
  }
  if (/^https?:\/\//.test(remoteContext)) {
    const { edge, fileName } = await webContext(given, remoteContext);
    return { context: edge, dockerfile: edge, ...(fileName !== undefined && { fileName }) };
  }
  throw fail('invalid-argument', `invalid build context: ${remoteContext}`);
}

/** Reads the Dockerfile, and finds where the context is. Throws `not-found` as BuildKit does when there is no Dockerfile. */
export async function readBuildFiles(given: Surroundings): Promise<BuildFiles> {
  const { options, parts } = given;
  const { platform } = parts;
  const sessionId = given.context.sessions[0]?.id;
  const remote = await contextsOf(given);
  const fileName = remote.fileName ?? options.fileName;
  // A file of a file system that does not tell cases apart may be called so.
  const others = fileName === 'Dockerfile' ? ['dockerfile'] : [];
  const [ownIgnore = '', sharedIgnore = ''] = ignoreFilesOf(fileName);
  const definition =
    (options.isDockerfileLocal ? undefined : remote.dockerfile) ??
    localSource(options.dockerfileName, `[internal] load build definition from ${fileName}`, platform, {
      followPaths: [fileName, ownIgnore, ...others],
      isFresh: true,
      sessionId,
    });
  const found = await readFiles(given, definition, [fileName, ...others, ownIgnore]);
  const content = [fileName, ...others].map((path) => found.get(path)).find((one) => one !== undefined);
  if (content === undefined) {
    throw fail('not-found', `failed to read dockerfile: open ${fileName}: no such file or directory`);
  }
  const loadIgnore = async (): Promise<readonly string[]> => {
    if (remote.context !== undefined) return [];
    const own = found.get(ownIgnore);
    if (own !== undefined) return readIgnoreFile(decode(own));
    const edge = localSource(options.contextName, '[internal] load .dockerignore', platform, {
      followPaths: [sharedIgnore],
      isFresh: true,
      sessionId,
    });
    const shared = (await readFiles(given, edge, [sharedIgnore])).get(sharedIgnore);
    return shared === undefined ? [] : readIgnoreFile(decode(shared));
  };
  let ignore: Promise<readonly string[]> | undefined;
  return {
    fileName,
    text: decode(content),
    definition,
    ignorePatterns: () => {
      ignore ??= loadIgnore();
      return ignore;
    },
    contextOf: (paths, excludes) => {
      const { context } = remote;
      if (context === undefined) {
        return localSource(options.contextName, '[internal] load build context', platform, {
          followPaths: paths,
          excludes,
          sessionId,
        });
      }
      if (options.contextDirectory === '') return context;
      const source = options.contextDirectory;
      return copied(context, platform, '[internal] load build context', {
        source,
        destination: '/',
        copiesContents: true,
      });
    },
  };
}
