import { type Measured, measureTree } from './measure.ts';
import { Pace } from './pace.ts';

/** The work of a `build-worker`, by name: what is asked and what is answered, both as JSON. */
export interface FileJobs {
  readonly measure: { readonly ask: { readonly directory: string }; readonly answer: Measured };
}

export type FileJob = keyof FileJobs;

type Doers = { readonly [K in FileJob]: (ask: FileJobs[K]['ask'], pace: Pace) => Promise<FileJobs[K]['answer']> };

const doers: Doers = {
  measure: async ({ directory }, pace) => measureTree(directory, pace),
};

/** Does a job here. With `isBrief` it throws `TooMuch` when that takes long; what it has made by then is to be thrown away. */
export function doFileJob<K extends FileJob>(
  job: K,
  ask: FileJobs[K]['ask'],
  isBrief: boolean,
): Promise<FileJobs[K]['answer']> {
  return doers[job](ask, new Pace(isBrief));
}
