import { type ErrorKind, errorKinds, fail } from '#std/errors';
import { FrameReader, frameHead, frameKinds } from './frames.ts';
import type { PacketStream } from './packet-stream.ts';

const idleMs = 60_000;
/** What the collector of a receiver takes for the machine's memory: it looks at packets, and forgets them. */
const collectedBytes = String(96 * 1024 * 1024);
/** The packet that ends a transfer has a type and nothing else. */
const lastWordBytes = 16;
/** So much waits for a receiver before the client does. */
const batchBytes = 512 * 1024;

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
  /** Starts a process, when none waits for work: it will be needed. */
  prepare(): void;
  /** Brings a directory to what the other side of the stream has. Throws `invalid-argument`, `unavailable`, `exhausted`. */
  receive(job: Omit<ReceiveJob, 'verb'>, stream: PacketStream, options: ReceiveOptions): Promise<ReceiveResult>;
  /** Unpacks a tar that is not compressed into an empty directory. Throws `invalid-argument` when it is damaged. */
  unpack(directory: string, tar: AsyncIterable<Uint8Array>, options: ReceiveOptions): Promise<ReceiveResult>;
  close(): void;
}

interface Listener {
  packet(payload: Uint8Array): void;
  progress(bytes: number): void;
  answer(answer: ReceiveAnswer): void;
  gone(): void;
}

class ReceiverProcess {
  readonly #process: Bun.Subprocess<'pipe', 'pipe', 'inherit'>;
  listener: Listener | undefined;
  isAlive = true;
  idle: ReturnType<typeof setTimeout> | undefined;
  /** One is filled while the other is written: 2 GB of new ones would wait for the collector. */
  #batch: Buffer = Buffer.allocUnsafe(batchBytes);
  #spare: Buffer = Buffer.allocUnsafe(batchBytes);
  #usedBytes = 0;
  #flushing: Promise<void> = Promise.resolve();

  constructor(command: readonly string[], onGone: (gone: ReceiverProcess) => void) {
    this.#process = Bun.spawn([...command], {
      stdio: ['pipe', 'pipe', 'inherit'],
      cwd: '/',
      env: { ...process.env, BUN_JSC_forceRAMSize: collectedBytes },
    });
    this.#process.unref();
    void this.#listen()
      .catch(() => undefined)
      .finally(() => {
        this.kill();
        onGone(this);
        this.listener?.gone();
      });
  }

  /** Resolves when more may be given to it. Packets come many at once: what is there goes in one piece. */
  async write(kind: number, payload: Uint8Array): Promise<void> {
    if (!this.isAlive) throw fail('unavailable', 'the receiver of files is gone');
    const head = frameHead(kind, payload.length);
    const neededBytes = head.length + payload.length;
    if (this.#usedBytes + neededBytes > this.#batch.length) await this.flush();
    if (neededBytes > this.#batch.length) this.#batch = Buffer.allocUnsafe(neededBytes);
    if (this.#usedBytes === 0) setImmediate(() => this.flush().catch(() => undefined));
    this.#batch.set(head, this.#usedBytes);
    this.#batch.set(payload, this.#usedBytes + head.length);
    this.#usedBytes += neededBytes;
  }

  /** Resolves when all is taken. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(async () => {
      if (this.#usedBytes === 0 || !this.isAlive) return;
      const batch = this.#batch.subarray(0, this.#usedBytes);
      [this.#batch, this.#spare] = [this.#spare, this.#batch];
      this.#usedBytes = 0;
      await this.#process.stdin.write(batch);
    });
    return this.#flushing;
  }

  kill(): void {
    this.isAlive = false;
    clearTimeout(this.idle);
    this.#process.kill('SIGKILL');
  }

  async #listen(): Promise<void> {
    const frames = new FrameReader();
    for await (const bytes of this.#process.stdout) {
      for (const { kind, payload } of frames.take(bytes)) {
        if (kind === frameKinds.packet) this.listener?.packet(Uint8Array.from(payload));
        else if (kind === frameKinds.progress) this.listener?.progress(Number(payload.toString()));
        else if (kind === frameKinds.result) this.listener?.answer(JSON.parse(payload.toString()) as ReceiveAnswer);
      }
    }
  }
}

function errorOf({ kind, message }: { kind: string; message: string }): Error {
  return fail(kind in errorKinds ? (kind as ErrorKind) : 'internal', message);
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

class ReceiverPool implements FileReceivers {
  readonly #command: readonly string[];
  readonly #all = new Set<ReceiverProcess>();
  readonly #idle: ReceiverProcess[] = [];
  #isClosed = false;

  constructor(command: readonly string[]) {
    this.#command = command;
  }

  prepare(): void {
    if (this.#isClosed || this.#idle.some(({ isAlive }) => isAlive)) return;
    this.#rest(this.#start());
  }

  async receive(job: Omit<ReceiveJob, 'verb'>, stream: PacketStream, options: ReceiveOptions): Promise<ReceiveResult> {
    try {
      return await this.#work({ ...job, verb: 'sync' }, stream.packets, (packet) => stream.send(packet), options);
    } finally {
      stream.end();
    }
  }

  unpack(directory: string, tar: AsyncIterable<Uint8Array>, options: ReceiveOptions): Promise<ReceiveResult> {
    return this.#work({ verb: 'unpack', directory, differ: 'none' }, tar, () => undefined, options);
  }

  async #work(
    job: ReceiveJob,
    source: AsyncIterable<Uint8Array>,
    answer: PacketStream['send'],
    options: ReceiveOptions,
  ): Promise<ReceiveResult> {
    const receiver = this.#take();
    let isClean = false;
    try {
      const result = await this.#run(receiver, job, { source, answer }, options);
      isClean = true;
      return result;
    } finally {
      receiver.listener = undefined;
      if (isClean) this.#rest(receiver);
      else receiver.kill();
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const receiver of this.#all) receiver.kill();
  }

  async #run(
    receiver: ReceiverProcess,
    job: ReceiveJob,
    { source, answer }: { source: AsyncIterable<Uint8Array>; answer: PacketStream['send'] },
    options: ReceiveOptions,
  ): Promise<ReceiveResult> {
    const { promise, resolve, reject } = Promise.withResolvers<ReceiveResult>();
    let isOver = false;
    let sent = Promise.resolve();
    const send = (packet: Uint8Array): void => {
      sent = sent.then(() => answer(packet));
      sent.catch(reject);
    };
    receiver.listener = {
      packet: send,
      progress: (bytes) => options.onTransfer?.(bytes),
      answer: (answered) => ('result' in answered ? resolve(answered.result) : reject(errorOf(answered.error))),
      gone: () => reject(fail('unavailable', 'the receiver of files ended before its work was done')),
    };
    const abort = (): void => reject(fail('cancelled', 'the transfer was cancelled', options.signal.reason));
    options.signal.addEventListener('abort', abort, { once: true });
    if (options.signal.aborted) abort();
    try {
      await receiver.write(frameKinds.begin, Buffer.from(JSON.stringify(job)));
      await receiver.flush();
      feed(receiver, source, () => isOver).catch(reject);
      return await promise;
    } finally {
      isOver = true;
      options.signal.removeEventListener('abort', abort);
      // The last word of ours: that all is well, or why it is not.
      await sent.catch(() => undefined);
    }
  }

  #take(): ReceiverProcess {
    if (this.#isClosed) throw fail('unavailable', 'the engine is stopping');
    for (let receiver = this.#idle.pop(); receiver !== undefined; receiver = this.#idle.pop()) {
      clearTimeout(receiver.idle);
      if (receiver.isAlive) return receiver;
    }
    return this.#start();
  }

  #start(): ReceiverProcess {
    const receiver = new ReceiverProcess(this.#command, (gone) => this.#all.delete(gone));
    this.#all.add(receiver);
    return receiver;
  }

  #rest(receiver: ReceiverProcess): void {
    if (!receiver.isAlive || this.#isClosed) return;
    this.#idle.push(receiver);
    receiver.idle = setTimeout(() => receiver.kill(), idleMs);
    receiver.idle.unref();
  }
}

/** Makes the receivers of an engine; none is started before there is work. `command` starts one. */
export function openFileReceivers(command: readonly string[]): FileReceivers {
  return new ReceiverPool(command);
}
