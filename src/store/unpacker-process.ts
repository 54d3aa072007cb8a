import { answerFor, runWorker } from '#linux/worker-process';
import { fail } from '#std/errors';
import { Growth } from './growing-file.ts';
import { runUnpackJob, type UnpackJob } from './unpack-job.ts';

/** What the engine sends for a job: what is to be done first, then how large the layer's file has grown. */
export type UnpackerRequest =
  | { readonly job: UnpackJob; readonly path: string }
  | { readonly sizeBytes: number; readonly isComplete: boolean }
  | { readonly isBroken: true };

/** Entry of an unpacker's process: works on whatever it is given, until the input ends. */
export async function runUnpacker(): Promise<void> {
  const growths = new Map<number, Growth>();
  await runWorker<{ readonly id: number } & UnpackerRequest>((request) => {
    const { id } = request;
    if ('job' in request) {
      const growth = new Growth();
      growths.set(id, growth);
      const file = { path: request.path, grown: (beyondBytes: number) => growth.beyond(beyondBytes) };
      void answerFor(id, (onProgress) => runUnpackJob(request.job, file, onProgress)).finally(() => {
        growths.delete(id);
        // Who still waits for more of a layer that has failed has its file open, and lets go of it now.
        growth.complete();
      });
      return;
    }
    const growth = growths.get(id);
    if (growth === undefined) return;
    if ('isBroken' in request) {
      growth.fail(fail('unavailable', 'the source broke off'));
      return;
    }
    growth.add(request.sizeBytes - growth.sizeBytes);
    if (request.isComplete) growth.complete();
  });
}
