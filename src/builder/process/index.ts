import { answerFor, runWorker } from '#linux/worker-process';
import { doFileJob } from '../files/jobs.ts';
import type { FileRequest } from '../files/workers.ts';

/** Entry of a `build-worker`: does one job after the other, until the input ends. */
export async function runBuildWorker(): Promise<void> {
  await runWorker<{ readonly id: number } & FileRequest>(({ id, job, ask }) => {
    void answerFor(id, () => doFileJob(job, ask as never, false));
  });
}
