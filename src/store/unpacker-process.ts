import { createInterface } from 'node:readline';
import { dieWithParent } from '#linux/process';
import { EstibaError, fail, messageOf } from '#std/errors';
import { Growth } from './growing-file.ts';
import { runUnpackJob, type UnpackJob, type UnpackResult } from './unpack-job.ts';

/** Lines of JSON that the engine sends. */
export type UnpackerRequest =
  | { readonly id: number; readonly job: UnpackJob; readonly path: string }
  | { readonly id: number; readonly sizeBytes: number; readonly isComplete: boolean }
  | { readonly id: number; readonly isBroken: true };

/** Lines of JSON that come back: how much is done, and last what came of it. */
export type UnpackerAnswer =
  | { readonly id: number; readonly done: number }
  | { readonly id: number; readonly result: UnpackResult }
  | { readonly id: number; readonly error: { readonly kind?: string; readonly message: string } };

function answer(message: UnpackerAnswer): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function work(id: number, job: UnpackJob, path: string, growth: Growth): Promise<void> {
  try {
    const file = { path, grown: (beyondBytes: number) => growth.beyond(beyondBytes) };
    answer({ id, result: await runUnpackJob(job, file, (done) => answer({ id, done })) });
  } catch (error) {
    const kind = error instanceof EstibaError ? { kind: error.kind } : {};
    answer({ id, error: { ...kind, message: messageOf(error) } });
  }
}

/** Entry of an unpacker's process: works on whatever it is given, until the input ends. */
export async function runUnpacker(): Promise<void> {
  dieWithParent();
  const growths = new Map<number, Growth>();
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line) as UnpackerRequest;
    const { id } = request;
    if ('job' in request) {
      const growth = new Growth();
      growths.set(id, growth);
      void work(id, request.job, request.path, growth).finally(() => {
        growths.delete(id);
        // Who still waits for more of a layer that has failed has its file open, and lets go of it now.
        growth.complete();
      });
      continue;
    }
    const growth = growths.get(id);
    if (growth === undefined) continue;
    if ('isBroken' in request) {
      growth.fail(fail('unavailable', 'the source broke off'));
      continue;
    }
    growth.add(request.sizeBytes - growth.sizeBytes);
    if (request.isComplete) growth.complete();
  }
  // The engine is gone: nobody wants what is being made.
  process.exit(0);
}
