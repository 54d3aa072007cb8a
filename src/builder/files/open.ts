import { fail } from '#std/errors';
import type { FileOperation } from '../graph/operation.ts';
import type { LayersResult, Result } from '../result.ts';
import type { StepRun } from '../solver/types.ts';
import { createDigester } from './digester.ts';
import { runDiff, runMerge } from './merge.ts';
import { runFileStep, type StepParts } from './step.ts';
import type { BuildFiles, FileParts } from './types.ts';
import { openFileWorkers } from './workers.ts';

/** All of a directory, as a layer. */
const wholeCopy: FileOperation = {
  type: 'file',
  actions: [
    {
      input: -1,
      secondaryInput: 0,
      output: 0,
      action: {
        type: 'copy',
        source: '/',
        destination: '/',
        followsSymlink: false,
        copiesContents: true,
        unpacks: false,
        createsDestination: true,
        allowsWildcard: false,
        allowsEmptyWildcard: false,
        includes: [],
        excludes: [],
        replaces: false,
      },
    },
  ],
};

/** Opens what the builder does with files. */
export function openBuildFiles({ builds, workerCommand }: FileParts): BuildFiles {
  const workers = openFileWorkers(workerCommand);
  const parts: StepParts = { builds, workers };

  async function asLayers(result: Result, run: Pick<StepRun, 'signal'>): Promise<LayersResult> {
    if (result.kind === 'layers') {
      if (builds.hold(result.chain) === undefined) throw fail('internal', 'a layer that a step needs is gone');
      return result;
    }
    const [made] = await runFileStep(parts, wholeCopy, { signal: run.signal, inputs: [result] }, async (given) =>
      asLayers(given, run),
    );
    return made ?? { kind: 'layers', chain: [] };
  }

  return {
    file: (operation, run) => runFileStep(parts, operation, run, (result) => asLayers(result, run)),
    merge: (run) => runMerge(parts, run, (result) => asLayers(result, run)),
    diff: (lower, upper, run) => runDiff(parts, lower, upper, run, (result) => asLayers(result, run)),
    asLayers,
    digest: createDigester(parts),
    async measure(draft, signal) {
      const measured = await workers.run('measure', { directory: draft.directory }, { signal });
      return { draft, ...measured };
    },
    async open(result) {
      if (result.kind === 'directory') return { directory: result.path, close: async () => undefined };
      const { directory, unmount } = builds.mount(result.chain);
      return { directory, close: unmount };
    },
    close: () => workers.close(),
  };
}
