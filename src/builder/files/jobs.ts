import { statSync } from 'node:fs';
import { openMerged } from '#store';
import type { ContentSelection } from '../solver/steps.ts';
import { LayerCloner } from './clone-layer.ts';
import { diffTrees } from './diff-trees.ts';
import { IndexedDirectory, ReadDirectory } from './digest-sources.ts';
import { digestTree, type TreeDigest } from './digest-tree.ts';
import { type Measured, measureTree } from './measure.ts';
import { Pace } from './pace.ts';
import { type DraftJob, makeLayers } from './step-job.ts';

interface Job<Ask, Answer> {
  readonly ask: Ask;
  readonly answer: Answer;
}

/** The work of a `build-worker`, by name: what is asked and what is answered, both as JSON. Layers come topmost first. */
export interface FileJobs {
  /** Hashes the tar of a layer. */
  readonly measure: Job<{ readonly directory: string }, Measured>;
  /** Makes layers by actions, and measures them. */
  readonly step: Job<{ readonly drafts: readonly DraftJob[] }, Measured[]>;
  /** Copies a layer as it is. */
  readonly clone: Job<{ readonly from: string; readonly to: string; readonly mayShare: boolean }, null>;
  /** Makes a layer of what differs. */
  readonly diff: Job<
    { readonly lower: readonly string[]; readonly upper: readonly string[]; readonly directory: string },
    Measured
  >;
  /** With `index`, a file of `#filesync`, that is read and not the files. */
  readonly digest: Job<
    {
      readonly layers: readonly string[];
      readonly index?: { readonly file: string; readonly digest: string };
      readonly selection: ContentSelection;
      readonly listsFiles: boolean;
    },
    TreeDigest
  >;
}

export type FileJob = keyof FileJobs;

type Doers = { readonly [K in FileJob]: (ask: FileJobs[K]['ask'], pace: Pace) => Promise<FileJobs[K]['answer']> };

/** To take in a byte of an index takes as long as to hash so many of a file. */
const indexWeight = 32;

const doers: Doers = {
  measure: async ({ directory }, pace) => measureTree(directory, pace),
  step: ({ drafts }, pace) => makeLayers(drafts, pace),
  clone: async ({ from, to, mayShare }, pace) => {
    LayerCloner.clone(from, to, mayShare, pace);
    return null;
  },
  diff: async (ask, pace) => diffTrees(ask, pace),
  digest: async ({ layers, index, selection, listsFiles }, pace) => {
    if (index !== undefined) {
      // All of it has to be read, whatever is selected.
      pace.spend(0, statSync(index.file).size * indexWeight);
      // With it comes gRPC, which few of these processes need.
      const { IndexedFiles } = await import('#filesync');
      return digestTree(IndexedDirectory.of(new IndexedFiles(index.file, index.digest)), selection, listsFiles);
    }
    const root = new ReadDirectory(openMerged(layers), pace);
    try {
      return digestTree(root, selection, listsFiles);
    } finally {
      root.close();
    }
  },
};

/** Does a job here. With `isBrief` it throws `TooMuch` when that takes long; what it has made by then is to be thrown away. */
export function doFileJob<K extends FileJob>(
  job: K,
  ask: FileJobs[K]['ask'],
  isBrief: boolean,
): Promise<FileJobs[K]['answer']> {
  return doers[job](ask, new Pace(isBrief));
}
