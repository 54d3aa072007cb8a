import { fail, kindNamed } from '#std/errors';
import { frameKinds } from './frames.ts';
import { isBriefDirectory, readOpening, replay } from './opening.ts';
import { OrderedPackets, type PacketStream } from './packet-stream.ts';
import { receiveBriefly } from './receive-briefly.ts';
import { ReceiverProcess } from './receiver-process.ts';
import { lastWordBytes, ToldTransfer } from './told-transfer.ts';

const idleMs = 60_000;
/** Each takes tens of megabytes. A client may keep one busy for as long as it likes, so they are not few. */
const processLimit = 32;
/** So many of them are kept for what comes next. */
const idleLimit = 4;

/** A directory that is to be brought up to date by fsutil's packets, or made of a tar. */
export interface ReceiveJob {
  readonly verb: 'sync' | 'unpack';
  /** Ours alone; what comes goes below `files` in it. */
  readonly directory: string;
  readonly differ: 'metadata' | 'none';
}

export interface ReceiveResult {
  readonly isChanged: boolean;
  /** `sha256:…` over all that is there now, but for times. */
  readonly treeDigest: string;
  /** Of all regular files that are there now. */
  readonly sizeBytes: number;
  readonly receivedBytes: number;
  readonly requestedFiles: number;
  readonly entries: number;
}

export type ReceiveAnswer =
  | { readonly result: ReceiveResult }
  | { readonly error: { readonly kind: string; readonly message: string } };

export interface ReceiveOptions {
  readonly onTransfer?: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/** Receives files in processes of its own, which are there while there is work, and a minute after: the engine's one thread must not wait. */
export interface FileReceivers {
  /** Brings a directory to what the other side of the stream has. Throws `invalid-argument`, `unavailable`, `exhausted`. */
  receive(job: Omit<ReceiveJob, 'verb'>, stream: PacketStream, options: ReceiveOptions): Promise<ReceiveResult>;
  /** Unpacks a tar that is not compressed into an empty directory. Throws `invalid-argument` when it is damaged. */
  unpack(directory: string, tar: AsyncIterable<Uint8Array>, options: ReceiveOptions): Promise<ReceiveResult>;
  close(): void;
}

/** Gives to the receiver what comes, as fast as it takes it. */
async function feed(
  receiver: ReceiverProcess,
  source: AsyncIterable<Uint8Array>,
  isOver: () => boolean,
): Promise<void> {
  for await (const piece of source) {
    // Of a transfer that is over its sender's last word may still come: whoever has more to say is let go.
    if (isOver() && piece.length > lastWordBytes) return;
    if (isOver()) continue;
    await receiver.write(frameKinds.packet, piece);
  }
  if (isOver()) return;
  await receiver.write(frameKinds.end, new Uint8Array(0));
  await receiver.flush();
}

/** The sender's last word may still come. */
async function letGo(rest: AsyncIterator<Uint8Array>): Promise<void> {
  for (let next = await rest.next(); !next.done && next.value.length <= lastWordBytes; ) next = await rest.next();
  await rest.return?.();
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(fail('cancelled', 'the transfer was cancelled', signal.reason));
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  work.catch(() => undefined);
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

class ReceiverPool implements FileReceivers {
  readonly #command: readonly string[];
  readonly #all = new Set<ReceiverProcess>();
  readonly #idle: ReceiverProcess[] = [];
  /** Those that wait for a process; called when there may be one. */
  readonly #waiting = new Set<() => void>();
  #isClosed = false;

  constructor(
    command: readonly string[],
    readonly limit: number,
  ) {
    this.#command = command;
  }

  async receive(job: Omit<ReceiveJob, 'verb'>, stream: PacketStream, options: ReceiveOptions): Promise<ReceiveResult> {
    const told = new ToldTransfer(options.onTransfer);
    try {
      const opening = await unlessAborted(readOpening(told.counted(stream.packets)), options.signal);
      if (opening.isBrief && isBriefDirectory(job.directory)) {
        const result = await unlessAborted(receiveBriefly(job, opening, stream, options), options.signal);
        letGo(opening.rest).catch(() => undefined);
        told.finish();
        return result;
      }
      const answer = (packet: Uint8Array) => stream.send(packet);
      const result = await this.#work({ ...job, verb: 'sync' }, replay(opening), answer, options);
      told.finish();
      return result;
    } finally {
      stream.end();
    }
  }

  unpack(directory: string, tar: AsyncIterable<Uint8Array>, options: ReceiveOptions): Promise<ReceiveResult> {
    const source = new ToldTransfer(options.onTransfer).counted(tar);
    return this.#work({ verb: 'unpack', directory, differ: 'none' }, source, () => undefined, options);
  }

  async #work(
    job: ReceiveJob,
    source: AsyncIterable<Uint8Array>,
    answer: PacketStream['send'],
    options: ReceiveOptions,
  ): Promise<ReceiveResult> {
    const receiver = await this.#take(options.signal);
    let isClean = false;
    try {
      const result = await this.#run(receiver, job, { source, answer }, options);
      isClean = true;
      return result;
    } finally {
      receiver.listener = undefined;
      if (isClean) this.#rest(receiver);
      else {
        receiver.kill();
        await receiver.ended;
      }
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const receiver of this.#all) receiver.kill();
    for (const wake of this.#waiting) wake();
  }

  async #run(
    receiver: ReceiverProcess,
    job: ReceiveJob,
    { source, answer }: { source: AsyncIterable<Uint8Array>; answer: PacketStream['send'] },
    options: ReceiveOptions,
  ): Promise<ReceiveResult> {
    const { promise, resolve, reject } = Promise.withResolvers<ReceiveResult>();
    let isOver = false;
    const answers = new OrderedPackets(answer, reject);
    receiver.listener = {
      packet: answers.send,
      answer(answered) {
        if ('result' in answered) resolve(answered.result);
        else reject(fail(kindNamed(answered.error.kind), answered.error.message));
      },
      gone: () => reject(fail('unavailable', 'the receiver of files ended before its work was done')),
    };
    try {
      await receiver.write(frameKinds.begin, Buffer.from(JSON.stringify(job)));
      await receiver.flush();
      feed(receiver, source, () => isOver).catch(reject);
      return await unlessAborted(promise, options.signal);
    } finally {
      isOver = true;
      // The last word of ours: that all is well, or why it is not.
      await answers.settled();
    }
  }

  async #take(signal: AbortSignal): Promise<ReceiverProcess> {
    for (;;) {
      if (this.#isClosed) throw fail('unavailable', 'the engine is stopping');
      for (let receiver = this.#idle.pop(); receiver !== undefined; receiver = this.#idle.pop()) {
        clearTimeout(receiver.idle);
        if (receiver.isAlive) return receiver;
      }
      if (this.#all.size < this.limit) return this.#start();
      await this.#wait(signal);
    }
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    try {
      await unlessAborted(promise, signal);
    } catch (error) {
      // What it was woken for is another's.
      if (!this.#waiting.has(resolve)) this.#wakeNext();
      throw error;
    } finally {
      this.#waiting.delete(resolve);
    }
  }

  #wakeNext(): void {
    const [wake] = this.#waiting;
    if (wake === undefined) return;
    this.#waiting.delete(wake);
    wake();
  }

  #start(): ReceiverProcess {
    const receiver = new ReceiverProcess(this.#command, (gone) => {
      this.#all.delete(gone);
      this.#wakeNext();
    });
    this.#all.add(receiver);
    return receiver;
  }

  #rest(receiver: ReceiverProcess): void {
    if (!receiver.isAlive || this.#isClosed) return;
    if (this.#waiting.size === 0 && this.#idle.length >= idleLimit) {
      receiver.kill();
      return;
    }
    this.#idle.push(receiver);
    receiver.idle = setTimeout(() => receiver.kill(), idleMs);
    receiver.idle.unref();
    this.#wakeNext();
  }
}

/** Makes the receivers of an engine; none is started before there is work. `command` starts one; more than `limit` wait. */
export function openFileReceivers(command: readonly string[], limit = processLimit): FileReceivers {
  return new ReceiverPool(command, limit);
}
