import { openMerged } from '#store';
import type {
  CopyAction,
  MakeDirectoryAction,
  MakeFileAction,
  RemoveAction,
  SymlinkAction,
} from '../graph/operation.ts';
import { makeDirectory, makeFile, makeSymlink, removeFiles } from './actions.ts';
import { copyFiles } from './copy-action.ts';
import { type Measured, measureTree } from './measure.ts';
import type { Pace } from './pace.ts';
import { TargetDirectory } from './target-tree.ts';

/** An action as JSON can hold it. */
export type JobAction =
  | { readonly copy: CopyAction; readonly source: readonly string[] }
  | { readonly makeFile: Omit<MakeFileAction, 'content'>; readonly contentBase64: string }
  | { readonly other: MakeDirectoryAction | RemoveAction | SymlinkAction };

/** A layer to be made: in an empty directory, over the directories of those below, topmost first. */
export interface DraftJob {
  readonly directory: string;
  readonly lower: readonly string[];
  readonly actions: readonly JobAction[];
}

async function act(root: TargetDirectory, lower: readonly string[], action: JobAction, pace: Pace): Promise<void> {
  if ('copy' in action) {
    const source = openMerged(action.source);
    try {
      const mayShare = !action.source.some((directory) => lower.includes(directory));
      await copyFiles(root, source, action.copy, { pace, mayShare });
    } finally {
      source.close();
    }
  } else if ('makeFile' in action) {
    makeFile(root, { ...action.makeFile, content: Buffer.from(action.contentBase64, 'base64') });
  } else if (action.other.type === 'make-directory') makeDirectory(root, action.other);
  else if (action.other.type === 'remove') removeFiles(root, action.other);
  else makeSymlink(root, action.other);
}

/** Makes layers one after the other, which later ones may copy from, and measures each. */
export async function makeLayers(drafts: readonly DraftJob[], pace: Pace): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (const { directory, lower, actions } of drafts) {
    const root = TargetDirectory.open(directory, lower);
    try {
      for (const action of actions) await act(root, lower, action, pace);
    } finally {
      root.close();
    }
    measured.push(measureTree(directory, pace));
  }
  return measured;
}
