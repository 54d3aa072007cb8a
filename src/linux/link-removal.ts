import { Worker } from 'node:worker_threads';
import { fail, messageOf } from '#std/errors';
import { log } from '#std/log';

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

const lookIntervalMs = 1;

/**
 * Deletes links in a thread of its own: a link is gone from all lists after a millisecond, but the kernel goes on to wait for
 * grace periods, some 20 ms, in which the calling thread could do nothing else. The links are those of the namespace that
 * the thread was in at the first removal.
 */
export class LinkRemover implements Disposable {
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #tickets = 0;

  /**
   * Resolves when nobody sees the link any more: `isSeen` is asked, every millisecond, while the kernel is at it. Also
   * where there is none. What fails after that is logged.
   */
  async remove(name: string, isSeen: () => boolean): Promise<void> {
    let isDone = false;
    const done = this.#delete(name).finally(() => {
      isDone = true;
    });
    while (!isDone && isSeen()) await Bun.sleep(lookIntervalMs);
    if (isDone) return done;
    done.catch((error: unknown) => log('warn', 'a link could not be removed', { link: name, error: messageOf(error) }));
  }

  #delete(name: string): Promise<void> {
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

  /** Ends the thread. What nobody sees any more the kernel has in hand. */
  [Symbol.dispose](): void {
    for (const { resolve } of this.#waiting.values()) resolve();
    this.#waiting.clear();
    void this.#worker?.terminate();
    this.#worker = undefined;
  }
}
