import { Worker } from 'node:worker_threads';
import { fail, messageOf } from '#std/errors';

/** What the thread is told, and what it says when it is done: `failure` where that went wrong. */
export interface LinkRemoval {
  readonly ticket: number;
  readonly name: string;
}

/** The answer to a removal. */
export interface LinkRemoved {
  readonly ticket: number;
  readonly failure?: string;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Beside this file; in the one-file executable, where this is part of another one, by the path that it was built from. */
function threadAt(): URL {
  const isCompiled = import.meta.path.startsWith('/$bunfs/');
  return new URL(isCompiled ? './linux/link-removal-thread.ts' : './link-removal-thread.ts', import.meta.url);
}

/**
 * Deletes links in a thread of its own: the kernel waits for grace periods there, some 20 ms, in which the calling thread
 * could do nothing else. The links are those of the namespace that the thread was in at the first removal.
 */
export class LinkRemover implements Disposable {
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #tickets = 0;

  /** Resolves when the link is gone, also where there is none. */
  remove(name: string): Promise<void> {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const ticket = this.#tickets++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(ticket, { resolve, reject });
      worker.ref();
      worker.postMessage({ ticket, name } satisfies LinkRemoval);
    });
  }

  #start(): Worker {
    const worker = new Worker(threadAt());
    worker.on('message', ({ ticket, failure }: LinkRemoved) => {
      const waiting = this.#waiting.get(ticket);
      this.#waiting.delete(ticket);
      if (this.#waiting.size === 0) worker.unref();
      if (failure === undefined) waiting?.resolve();
      else waiting?.reject(fail('internal', failure));
    });
    worker.on('error', (error) => this.#broke(messageOf(error)));
    worker.on('exit', () => this.#broke('the thread that removes links has ended'));
    worker.unref();
    return worker;
  }

  /** Nobody waits for it any longer; the next removal starts another one. */
  #broke(reason: string): void {
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(fail('internal', reason));
    this.#waiting.clear();
  }

  [Symbol.dispose](): void {
    void this.#worker?.terminate();
    this.#worker = undefined;
  }
}
