import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode } from '#linux/errno';
import { readProcessStat } from '#linux/process';
import { fail } from '#std/errors';
import { log } from '#std/log';
import type { PorterRequest } from './protocol.ts';
import { Session } from './session.ts';
import type { PathStat } from './stat.ts';

/** So many porters work at once; what is more shares them. */
const porterLimit = 4;
/** With those that hang in the kernel and cannot even be killed. */
const processLimit = 16;
const idleMs = 60_000;
const startTimeoutMs = 20_000;
const startPollMs = 3;
const attemptLimit = 3;

type Work = Omit<PorterRequest, 'verb'>;

/** Does what may be large, or may hang, with a container's files, in processes of its own that are there while there is work. */
export interface Porter {
  /** Throws `not-found` in Docker's words, as all of them do. */
  stat(work: Work): Promise<PathStat>;
  pack(work: Work): Promise<{ stat: PathStat; output: AsyncIterable<Uint8Array> }>;
  /** The whole file system. */
  export(work: Work): Promise<AsyncIterable<Uint8Array>>;
  unpack(work: Work, body: AsyncIterable<Uint8Array>): Promise<void>;
  /** Ends the processes; work at hand fails. */
  close(): void;
}

interface Worker {
  readonly process: Bun.Subprocess<'pipe', 'inherit', 'inherit'>;
  readonly socketPath: string;
  sessions: number;
  /** It has not taken up what it was given. */
  isStuck: boolean;
  idle: ReturnType<typeof setTimeout> | undefined;
}

/** Porters that were killed together with their engine have left theirs. */
function removeLeftSockets(execRoot: string): void {
  for (const name of readdirSync(execRoot)) {
    if (/^porter-\d+-\d+\.sock$/.test(name)) rmSync(join(execRoot, name), { force: true });
  }
}

class PorterPool implements Porter {
  readonly #execRoot: string;
  readonly #command: readonly string[];
  readonly #workers = new Set<Worker>();
  #started = 0;
  #isClosed = false;

  constructor(options: { execRoot: string; command: readonly string[] }) {
    this.#execRoot = options.execRoot;
    removeLeftSockets(options.execRoot);
    this.#command = options.command;
  }

  async stat(work: Work): Promise<PathStat> {
    return this.#run({ ...work, verb: 'stat' }, async (session) => (await session.head()) as PathStat);
  }

  async pack(work: Work): Promise<{ stat: PathStat; output: AsyncIterable<Uint8Array> }> {
    const { head, output } = await this.#stream({ ...work, verb: 'pack' });
    return { stat: head as PathStat, output };
  }

  async export(work: Work): Promise<AsyncIterable<Uint8Array>> {
    return (await this.#stream({ ...work, verb: 'export' })).output;
  }

  async unpack(work: Work, body: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#run({ ...work, verb: 'unpack' }, (session) => session.send(body));
  }

  close(): void {
    this.#isClosed = true;
    for (const worker of this.#workers) this.#end(worker);
  }

  async #run<T>(request: PorterRequest, body: (session: Session) => Promise<T>): Promise<T> {
    const { session, release } = await this.#open(request);
    try {
      return await body(session);
    } finally {
      session.close();
      release();
    }
  }

  async #stream(request: PorterRequest): Promise<{ head: unknown; output: AsyncIterable<Uint8Array> }> {
    const { session, release } = await this.#open(request);
    try {
      const head = await session.head();
      return { head, output: released(session, release) };
    } catch (error) {
      session.close();
      release();
      throw error;
    }
  }

  async #open(request: PorterRequest): Promise<{ session: Session; release: () => void }> {
    for (let attempt = 1; ; attempt++) {
      const worker = this.#pick();
      clearTimeout(worker.idle);
      worker.sessions += 1;
      let isReleased = false;
      const release = (): void => {
        if (!isReleased) this.#release(worker);
        isReleased = true;
      };
      let session: Session | undefined;
      try {
        session = await this.#connect(worker, request);
      } catch (error) {
        release();
        if (isAlive(worker) || attempt === attemptLimit || this.#isClosed) throw error;
        // It has died, and nobody has told us yet; nothing has been done with the work.
        this.#end(worker);
        continue;
      }
      if (session !== undefined) return { session, release };
      release();
      log('warn', 'a porter hangs', { pid: worker.process.pid });
      worker.isStuck = true;
      // It ends when what it waits for lets it.
      worker.process.kill('SIGKILL');
    }
  }

  /** One that has nothing to do, else a new one while there may be more, else the one with the least to do. */
  #pick(): Worker {
    if (this.#isClosed) throw fail('unavailable', 'the engine is stopping');
    const able = [...this.#workers].filter((worker) => !worker.isStuck);
    const idle = able.find((worker) => worker.sessions === 0);
    if (idle !== undefined) return idle;
    if (able.length < porterLimit && this.#workers.size < processLimit) return this.#start();
    const [least] = able.sort((one, other) => one.sessions - other.sessions);
    if (least === undefined)
      throw fail('unavailable', 'all porters hang: a file system of a container does not answer');
    return least;
  }

  #start(): Worker {
    this.#started += 1;
    const socketPath = join(this.#execRoot, `porter-${process.pid}-${this.#started}.sock`);
    const child = Bun.spawn([...this.#command, '--socket', socketPath], {
      stdio: ['pipe', 'inherit', 'inherit'],
      cwd: '/',
    });
    child.unref();
    const worker: Worker = { process: child, socketPath, sessions: 0, isStuck: false, idle: undefined };
    this.#workers.add(worker);
    void child.exited.then(() => {
      clearTimeout(worker.idle);
      this.#workers.delete(worker);
      rmSync(socketPath, { force: true });
    });
    return worker;
  }

  /** A new porter does not listen yet: its socket is tried until it does. */
  async #connect(worker: Worker, request: PorterRequest): Promise<Session | undefined> {
    const deadline = performance.now() + startTimeoutMs;
    for (;;) {
      try {
        return await Session.open(worker.socketPath, request, () => readProcessStat(worker.process.pid)?.state === 'R');
      } catch (error) {
        const isEarly = ['ENOENT', 'ECONNREFUSED', 'EAGAIN'].some((code) => hasCode(error, code));
        if (!isEarly || !isAlive(worker) || performance.now() > deadline) {
          throw isEarly ? fail('unavailable', 'the porter does not start', error) : error;
        }
      }
      await Bun.sleep(startPollMs);
    }
  }

  #release(worker: Worker): void {
    worker.sessions -= 1;
    if (worker.sessions > 0 || !this.#workers.has(worker)) return;
    worker.idle = setTimeout(() => this.#end(worker), idleMs);
    worker.idle.unref();
  }

  #end(worker: Worker): void {
    clearTimeout(worker.idle);
    this.#workers.delete(worker);
    worker.process.kill('SIGKILL');
    rmSync(worker.socketPath, { force: true });
  }
}

/** Asked of the kernel: the runtime is told of a death later. */
function isAlive(worker: Worker): boolean {
  const state = readProcessStat(worker.process.pid)?.state;
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** The data of a session; whoever lets go of it, also before the first piece, ends the session. */
function released(session: Session, release: () => void): AsyncIterable<Uint8Array> {
  const data = session.data();
  const end = (): void => {
    session.close();
    release();
  };
  const iterator: AsyncIterator<Uint8Array, undefined> = {
    async next() {
      try {
        const next = await data.next();
        if (next.done) end();
        return next.done ? { done: true, value: undefined } : next;
      } catch (error) {
        end();
        throw error;
      }
    },
    async return() {
      end();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

/** Makes the porters of an engine; none is started before there is work. `command` starts one. */
export function openPorter(options: { execRoot: string; command: readonly string[] }): Porter {
  return new PorterPool(options);
}
