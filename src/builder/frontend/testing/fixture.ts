import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Platform } from '#oci';
import { fail } from '#std/errors';
import type { Edge } from '../../graph/vertex.ts';
import type { Progress } from '../../progress.ts';
import type { BuildContext } from '../../solver/types.ts';
import type { FrontendOptions, FrontendResult } from '../../types.ts';
import { createDockerfileFrontend } from '../frontend.ts';
import type { FrontendParts } from '../parts.ts';

export const platform: Platform = { os: 'linux', architecture: 'amd64' };

/** A frontend whose client has directories made of texts, and whose images are configurations. */
export interface FrontendFixture extends Disposable {
  /** What was asked of the client, in order. */
  readonly asked: string[];
  readonly progress: Progress[];
  build(options?: FrontendOptions, inputs?: ReadonlyMap<string, Edge>): Promise<FrontendResult>;
}

type Files = Readonly<Record<string, string>>;

/** `locals` by the client's names of directories; `images` by full reference. */
export function createFixture(
  locals: Readonly<Record<string, Files>>,
  images: Readonly<Record<string, object>> = {},
): FrontendFixture {
  const root = mkdtempSync(join(tmpdir(), 'frontend-'));
  for (const [name, files] of Object.entries(locals)) {
    mkdirSync(join(root, name), { recursive: true });
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name, path)), { recursive: true });
      writeFileSync(join(root, name, path), text);
    }
  }
  const asked: string[] = [];
  const progress: Progress[] = [];
  const parts: FrontendParts = {
    platform,
    solve: ({ vertex }) => {
      if (vertex.operation.type !== 'source') throw fail('internal', 'a frontend reads sources alone');
      const { identifier, attributes } = vertex.operation;
      asked.push(`${vertex.name}: ${attributes['local.followpaths'] ?? ''}`);
      const path = join(root, identifier.replace(/^[a-z]+:\/\//, ''));
      return Promise.resolve({ result: { kind: 'directory', path }, key: vertex.digest, release: () => {} });
    },
    images: {
      resolve: (reference) => {
        const config = images[reference];
        if (config === undefined) throw fail('not-found', `${reference}: not found`);
        const content = new TextEncoder().encode(JSON.stringify(config));
        return Promise.resolve({ reference, imageId: 'sha256:0', config: content, chain: [], platform });
      },
    },
    files: {
      open: (result) => {
        if (result.kind !== 'directory') throw fail('internal', 'no layers here');
        return Promise.resolve({ directory: result.path, close: () => Promise.resolve() });
      },
    },
  };
  const context: BuildContext = {
    id: 'test',
    sessions: [],
    onProgress: (one) => progress.push(one),
    signal: new AbortController().signal,
    imageResolveMode: 'default',
    cacheImports: [],
  };
  const dockerfile = createDockerfileFrontend(parts);
  return {
    asked,
    progress,
    build: (options = {}, inputs = new Map()) => dockerfile({ options, inputs }, context),
    [Symbol.dispose]: () => rmSync(root, { recursive: true }),
  };
}
