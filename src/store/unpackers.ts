import { closeSync, openSync } from 'node:fs';
import { WorkerPool } from '#linux/worker-pool';
import type { GrowingFile } from './growing-file.ts';
import { runUnpackJob, type UnpackJob, type UnpackResult } from './unpack-job.ts';
import type { UnpackerRequest } from './unpacker-process.ts';

/** So many layers a process has open at once, most of which wait for what is to come. */
const jobsEach = 4;
/** What is no larger, and all there, is unpacked at once: it takes less than to start a process. */
const briefBytes = 512 * 1024;

/** Unpacks layers in processes of its own, which are there while there is work: the engine's one thread must not wait. */
export interface Unpackers {
  /**
   * Reads `file` to its end; `onProgress` hears how many bytes of it are done. Throws `invalid-argument` when it is damaged, or
   * whatever its `grown` throws.
   */
  run(job: UnpackJob, file: GrowingFile, onProgress?: (bytes: number) => void): Promise<UnpackResult>;
  /** Ends the processes; work at hand fails. */
  close(): void;
}

class UnpackerPool implements Unpackers {
  readonly #pool: WorkerPool;

  constructor(command: readonly string[]) {
    this.#pool = new WorkerPool({ command, name: 'the unpacker', jobsEach });
  }

  async run(job: UnpackJob, file: GrowingFile, onProgress: (bytes: number) => void = () => undefined) {
    const { path } = file;
    // It may be renamed meanwhile.
    const descriptor = openSync(path, 'r');
    try {
      const { sizeBytes, isComplete } = await file.grown(briefBytes);
      if (isComplete && sizeBytes <= briefBytes) return await runUnpackJob(job, file, onProgress);
      return await this.#runElsewhere(job, file, descriptor, onProgress);
    } finally {
      closeSync(descriptor);
    }
  }

  close(): void {
    this.#pool.close();
  }

  async #runElsewhere(job: UnpackJob, file: GrowingFile, descriptor: number, onProgress: (bytes: number) => void) {
    const work = await this.#pool.begin();
    const send = (request: UnpackerRequest): void => work.send(request);
    let isOver = false;
    let broken: { readonly error: unknown } | undefined;
    const feed = async (): Promise<void> => {
      for (let sentBytes = 0; !isOver; ) {
        const { sizeBytes, isComplete } = await file.grown(sentBytes);
        send({ sizeBytes, isComplete });
        sentBytes = sizeBytes;
        if (isComplete) return;
      }
    };
    try {
      send({ job, path: `/proc/${process.pid}/fd/${descriptor}` });
      feed().catch((error: unknown) => {
        broken = { error };
        send({ isBroken: true });
      });
      return (await work.result(onProgress)) as UnpackResult;
    } catch (error) {
      throw broken === undefined ? error : broken.error;
    } finally {
      isOver = true;
      work.end();
    }
  }
}

/** Makes the unpackers of an engine; `command` starts one. Without it the work is done in this process. */
export function openUnpackers(command: readonly string[] | undefined): Unpackers {
  if (command !== undefined) return new UnpackerPool(command);
  return {
    run: (job, file, onProgress = () => undefined) => runUnpackJob(job, file, onProgress),
    close: () => undefined,
  };
}
