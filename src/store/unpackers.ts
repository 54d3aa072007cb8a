import { closeSync, openSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { type ErrorKind, errorKinds, fail } from '#std/errors';
import type { GrowingFile } from './growing-file.ts';
import { runUnpackJob, type UnpackJob, type UnpackResult } from './unpack-job.ts';
import type { UnpackerAnswer, UnpackerRequest } from './unpacker-process.ts';

/** As many processes as may be of use: with one a processor none is left idle. */
const processLimit = Math.min(4, Math.max(2, availableParallelism()));
/** So many layers a process has open at once, most of which wait for what is to come. */
const jobsEach = 4;
const idleMs = 20_000;
/** What the collector of an unpacker takes for the machine's memory: pieces of layers are all that it has, and go soon. */
const collectedBytes = String(64 * 1024 * 1024);
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

interface Pending {
  settle(answer: UnpackerAnswer): void;
  fail(error: unknown): void;
}

class Worker {
  readonly pending = new Map<number, Pending>();
  isAlive = true;
  #idle: ReturnType<typeof setTimeout> | undefined;
  readonly #process: Bun.Subprocess<'pipe', 'pipe', 'inherit'>;

  constructor(command: readonly string[], onGone: () => void) {
    this.#process = Bun.spawn([...command], {
      stdio: ['pipe', 'pipe', 'inherit'],
      cwd: '/',
      env: { ...process.env, BUN_JSC_forceRAMSize: collectedBytes },
    });
    this.#process.unref();
    void this.#listen().finally(() => {
      this.isAlive = false;
      clearTimeout(this.#idle);
      this.#process.kill('SIGKILL');
      for (const { fail: failed } of this.pending.values()) {
        failed(fail('unavailable', 'the unpacker ended before its work was done'));
      }
      onGone();
    });
  }

  send(request: UnpackerRequest): void {
    if (!this.isAlive) return;
    try {
      this.#process.stdin.write(`${JSON.stringify(request)}\n`);
      void this.#process.stdin.flush();
    } catch {
      // It is gone: those that wait for it are told.
    }
  }

  begin(id: number, pending: Pending): void {
    clearTimeout(this.#idle);
    this.pending.set(id, pending);
  }

  end(id: number): void {
    this.pending.delete(id);
    if (this.pending.size > 0 || !this.isAlive) return;
    this.#idle = setTimeout(() => this.close(), idleMs);
    this.#idle.unref();
  }

  close(): void {
    // It takes a moment to go: nothing may be given to it any more.
    this.isAlive = false;
    this.#process.kill('SIGKILL');
  }

  async #listen(): Promise<void> {
    let rest = '';
    const decoder = new TextDecoder();
    for await (const bytes of this.#process.stdout) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const answer = JSON.parse(line) as UnpackerAnswer;
        this.pending.get(answer.id)?.settle(answer);
      }
    }
  }
}

function errorOf({ kind = 'internal', message }: { kind?: string; message: string }): Error {
  return fail(kind in errorKinds ? (kind as ErrorKind) : 'internal', message);
}

class UnpackerPool implements Unpackers {
  readonly #command: readonly string[];
  readonly #workers = new Set<Worker>();
  readonly #queue: (() => void)[] = [];
  #lastId = 0;

  constructor(command: readonly string[]) {
    this.#command = command;
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
    for (const worker of this.#workers) worker.close();
  }

  async #runElsewhere(job: UnpackJob, file: GrowingFile, descriptor: number, onProgress: (bytes: number) => void) {
    const worker = await this.#pick();
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<UnpackResult>();
    worker.begin(id, {
      fail: reject,
      settle(answer) {
        if ('done' in answer) onProgress(answer.done);
        else if ('result' in answer) resolve(answer.result);
        else reject(errorOf(answer.error));
      },
    });
    let isOver = false;
    let broken: { readonly error: unknown } | undefined;
    const feed = async (): Promise<void> => {
      for (let sentBytes = 0; !isOver; ) {
        const { sizeBytes, isComplete } = await file.grown(sentBytes);
        worker.send({ id, sizeBytes, isComplete });
        sentBytes = sizeBytes;
        if (isComplete) return;
      }
    };
    try {
      worker.send({ id, job, path: `/proc/${process.pid}/fd/${descriptor}` });
      feed().catch((error: unknown) => {
        broken = { error };
        worker.send({ id, isBroken: true });
      });
      return await promise;
    } catch (error) {
      throw broken === undefined ? error : broken.error;
    } finally {
      isOver = true;
      worker.end(id);
      this.#queue.shift()?.();
    }
  }

  /** The one with the least to do; a new one while all are at work and there may be more. */
  async #pick(): Promise<Worker> {
    for (;;) {
      const alive = [...this.#workers].filter(({ isAlive }) => isAlive);
      const [least] = alive.sort((one, other) => one.pending.size - other.pending.size);
      if (least !== undefined && least.pending.size === 0) return least;
      if (this.#workers.size < processLimit) return this.#start();
      if (least !== undefined && least.pending.size < jobsEach) return least;
      await new Promise<void>((resolve) => this.#queue.push(resolve));
    }
  }

  #start(): Worker {
    const worker = new Worker(this.#command, () => {
      this.#workers.delete(worker);
      this.#queue.shift()?.();
    });
    this.#workers.add(worker);
    return worker;
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
