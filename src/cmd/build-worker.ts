import { runBuildWorker } from '#builder/process';

/** Entry of a build worker's process; started by the engine only. */
export async function buildWorkerMain(): Promise<void> {
  await runBuildWorker();
}
