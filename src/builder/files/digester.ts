import { EstibaError, fail } from '#std/errors';
import { newId } from '#std/identifiers';
import type { Result } from '../result.ts';
import type { ContentDigest, ContentSelection, DigestContents } from '../solver/steps.ts';
import type { TreeDigest } from './digest-tree.ts';
import { HeldChains } from './held-chains.ts';
import type { StepParts } from './step.ts';
import { cleanPath } from './walk.ts';

/** So many answers about layers, which do not change, are kept. */
const keptAnswers = 1000;

/** A name that BuildKit makes up for a result, which an error shows. */
function referenceName(): string {
  return `${newId().slice(0, 25)}::${newId().slice(0, 25)}`;
}

function told(error: unknown): unknown {
  if (!(error instanceof EstibaError)) return error;
  return fail(error.kind, `failed to calculate checksum of ref ${referenceName()}: ${error.message}`, error);
}

/** All that there is: of a client's directory that is known already. */
function isWhole({ source, includes = [], excludes = [], requiredPaths = [] }: ContentSelection): boolean {
  return cleanPath(source).length === 0 && includes.length + excludes.length + requiredPaths.length === 0;
}

function answerOf({ digest, files }: TreeDigest, listsFiles: boolean): ContentDigest {
  return listsFiles ? { digest, files: new Map(files) } : { digest };
}

/** Tells results by the contents of the files in them: a client's by its index, others by reading them. */
export function createDigester(parts: StepParts): DigestContents {
  const { builds, workers } = parts;
  const answers = new Map<string, string>();

  async function read(result: Result, selection: ContentSelection, signal: AbortSignal, listsFiles: boolean) {
    const held = new HeldChains(builds);
    try {
      const layers = result.kind === 'directory' ? [result.path] : held.directories(result.chain);
      const { file, digest } = (result.kind === 'directory' ? result.index : undefined) ?? {};
      const index = file === undefined || digest === undefined ? {} : { index: { file, digest } };
      return await workers.run('digest', { layers, ...index, selection, listsFiles }, { signal });
    } finally {
      held.release();
    }
  }

  return async (result, selection, { signal, listsFiles }) => {
    try {
      const whole = result.kind === 'directory' && isWhole(selection) ? result.index?.digest : undefined;
      if (whole !== undefined && !listsFiles) return { digest: whole };
      const name = result.kind === 'layers' ? JSON.stringify([result.chain.at(-1) ?? '', selection]) : undefined;
      const known = name === undefined || listsFiles ? undefined : answers.get(name);
      if (known !== undefined) return { digest: known };
      const found = await read(result, selection, signal, listsFiles);
      if (name !== undefined) {
        answers.set(name, found.digest);
        for (const oldest of answers.keys()) {
          if (answers.size <= keptAnswers) break;
          answers.delete(oldest);
        }
      }
      return answerOf(found, listsFiles);
    } catch (error) {
      throw told(error);
    }
  };
}
