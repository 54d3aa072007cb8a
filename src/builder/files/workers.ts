import { WorkerPool } from '#linux/worker-pool';
import { doFileJob, type FileJob, type FileJobs } from './jobs.ts';
import { TooMuch } from './pace.ts';

/** A line of JSON that a `build-worker` is sent. */
export interface FileRequest {
  readonly job: FileJob;
  readonly ask: unknown;
}

/** Does the builder's work with files: what is short at once, the rest in processes of its own. */
export interface FileWorkers {
  /**
   * Throws what the job throws, and the signal's reason when that is aborted: then its process is ended, and by the time this
   * throws nothing is done any more. `again` makes the ask anew when what was begun here has to be begun again elsewhere.
   */
  run<K extends FileJob>(
    job: K,
    ask: FileJobs[K]['ask'],
    options: { signal: AbortSignal; again?: () => FileJobs[K]['ask'] },
  ): Promise<FileJobs[K]['answer']>;
  close(): void;
}

/** `command` starts a process; without it all is done in this one. */
export function openFileWorkers(command: readonly string[] | undefined): FileWorkers {
  const pool = command === undefined ? undefined : new WorkerPool({ command, name: 'the build worker', jobsEach: 1 });
  return {
    async run(job, ask, { signal, again = () => ask }) {
      signal.throwIfAborted();
      if (pool === undefined) return doFileJob(job, ask, false);
      try {
        return await doFileJob(job, ask, true);
      } catch (error) {
        if (!(error instanceof TooMuch)) throw error;
      }
      return runElsewhere(pool, job, again(), signal);
    },
    close: () => pool?.close(),
  };
}

async function runElsewhere<K extends FileJob>(
  pool: WorkerPool,
  job: K,
  ask: FileJobs[K]['ask'],
  signal: AbortSignal,
): Promise<FileJobs[K]['answer']> {
  const work = await pool.begin();
  const kill = (): void => work.kill();
  signal.addEventListener('abort', kill);
  try {
    signal.throwIfAborted();
    const request: FileRequest = { job, ask };
    work.send(request);
    return (await work.result()) as FileJobs[K]['answer'];
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', kill);
    work.end();
  }
}
