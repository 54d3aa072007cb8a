import { MessageChannel, Worker } from 'node:worker_threads';
import { EventDescriptor } from '#linux/event-descriptor';
import { fail, messageOf } from '#std/errors';
import { log } from '#std/log';
import type { Command, Report, ThreadData } from './commands.ts';
import type { Names } from './types.ts';

/** Beside this file; in the one-file executable, where this is part of another one, by the path that it was built from. */
function threadAt(): URL {
  const isCompiled = import.meta.path.startsWith('/$bunfs/');
  return new URL(isCompiled ? './networks/names/thread.ts' : './thread.ts', import.meta.url);
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The thread, seen from the others. */
class Thread {
  readonly #event = new EventDescriptor();
  readonly #channel = new MessageChannel();
  readonly #waiting = new Map<number, Waiting>();
  readonly #worker: Worker;
  readonly #told = new Int32Array(new SharedArrayBuffer(4));
  #tickets = 0;
  #end: string | undefined;

  constructor() {
    const { port1, port2 } = this.#channel;
    const workerData: ThreadData = { port: port2, event: this.#event.descriptor, told: this.#told };
    this.#worker = new Worker(threadAt(), { workerData, transferList: [port2] });
    this.#worker.on('error', (error) => this.#broke(messageOf(error)));
    this.#worker.on('exit', () => this.#broke('the thread of the names has ended'));
    this.#worker.unref();
    port1.on('message', (report: Report) => this.#hear(report));
    port1.unref();
  }

  tell(command: Command): void {
    this.#channel.port1.postMessage(command);
    Atomics.add(this.#told, 0, 1);
    this.#event.signal();
  }

  ask(make: (ticket: number) => Command): Promise<void> {
    if (this.#end !== undefined) return Promise.reject(fail('internal', this.#end));
    const ticket = this.#tickets++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(ticket, { resolve, reject });
      this.#channel.port1.ref();
      this.tell(make(ticket));
    });
  }

  #hear(report: Report): void {
    if ('fault' in report) {
      log('error', 'names', { error: report.fault });
      return;
    }
    const waiting = this.#waiting.get(report.ticket);
    this.#waiting.delete(report.ticket);
    if (this.#waiting.size === 0) this.#channel.port1.unref();
    if (report.failure === undefined) waiting?.resolve();
    else waiting?.reject(fail('internal', report.failure));
  }

  /** Its end, as told or by accident: nobody waits for it any longer. */
  #broke(reason: string): void {
    this.#end ??= reason;
    for (const { reject } of this.#waiting.values()) reject(fail('internal', reason));
    this.#waiting.clear();
    this.#channel.port1.close();
    this.#event[Symbol.dispose]();
  }
}

/** Opens the resolver of containers; its thread begins with the first thing that it is told. */
export function createNames(): Names {
  let thread: Thread | undefined;
  const started = (): Thread => {
    thread ??= new Thread();
    return thread;
  };
  return {
    prepare: () => void started(),
    add: (networkId, networkName, endpoint) => started().tell({ do: 'add', networkId, networkName, endpoint }),
    remove: (networkId, endpointId) => thread?.tell({ do: 'remove', networkId, endpointId }),
    setLinks: (containerId, networkId, links) => started().tell({ do: 'setLinks', containerId, networkId, links }),
    serve: (containerId, namespacePath, resolver) =>
      started().ask((ticket) => ({ do: 'serve', ticket, containerId, namespacePath, resolver })),
    setForwarding: (containerId, isAllowed) => started().tell({ do: 'setForwarding', containerId, isAllowed }),
    stop: (containerId) => thread?.tell({ do: 'stop', containerId }),
    close() {
      thread?.tell({ do: 'close' });
      thread = undefined;
    },
  };
}
