import { createInterface } from 'node:readline';
import { EstibaError, messageOf } from '#std/errors';
import { dieWithParent } from './process.ts';
import type { WorkerAnswer } from './worker-pool.ts';

function answer(message: WorkerAnswer): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** Does a job that came from a `WorkerPool`, and answers for it; `work` tells how much is done. */
export async function answerFor(id: number, work: (onProgress: (done: number) => void) => Promise<unknown>) {
  try {
    answer({ id, result: await work((done) => answer({ id, done })) });
  } catch (error) {
    const kind = error instanceof EstibaError ? { kind: error.kind } : {};
    answer({ id, error: { ...kind, message: messageOf(error) } });
  }
}

/** The process of a worker: hears what a `WorkerPool` sends, until the engine is gone; then nobody wants what is being made. */
export async function runWorker<T extends { readonly id: number }>(onMessage: (message: T) => void): Promise<void> {
  dieWithParent();
  for await (const line of createInterface({ input: process.stdin })) onMessage(JSON.parse(line) as T);
  process.exit(0);
}
