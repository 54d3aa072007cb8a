import { join } from 'node:path';
import type { Subprocess } from 'bun';
import { fail, kindOf } from '#std/errors';
import { log } from '#std/log';
import { openAttachment } from './attach.ts';
import { ControlConnection, type Greeting, type KeeperEvent } from './control.ts';
import { ExitWatch } from './exit-watch.ts';
import { launchKeeper } from './launch.ts';
import {
  type AttachedStream,
  type AttachRequest,
  firstRenewableVersion,
  type Keeper,
  type KeptProcess,
  keeperProtocolVersion,
  type StartedProcess,
  type StartRequest,
} from './protocol.ts';

const connectTimeoutMs = 10_000;
const connectPollMs = 5;
const reconnectPauseMs = 1000;
/** How often a keeper of another edition is renewed before it is taken as it is. */
const renewalAttempts = 3;
/** How often a start is sent when keepers die over it before anything ran. */
const startAttempts = 5;

export interface ConnectOptions {
  readonly execRoot: string;
  /** Command line that starts a keeper for this exec root. */
  readonly command: readonly string[];
  /** Which program this engine is of. A keeper of another one is renewed: it becomes one of `command`. */
  readonly edition: string;
  readonly signal?: AbortSignal;
}

/** A start whose answer has not come yet. */
interface PendingStart {
  readonly request: StartRequest;
  readonly result: PromiseWithResolvers<StartedProcess>;
  attempts: number;
}

/** Connects to the keeper of an exec root, and starts one when there is none. */
export async function connectKeeper(options: ConnectOptions): Promise<Keeper> {
  const client = new KeeperClient(options);
  await client.connect();
  return client;
}

class KeeperClient implements Keeper {
  readonly #options: ConnectOptions;
  readonly #socketPath: string;
  readonly #starts = new Map<string, PendingStart>();
  readonly #exits = new ExitWatch();
  readonly #exitListeners: ((process: KeptProcess) => void)[] = [];
  readonly #replacedListeners: (() => void)[] = [];
  /** Exits that nobody listened for yet, and those of processes whose start has not been answered. */
  readonly #held = new Map<string, KeptProcess>();
  /** Processes whose exit was delivered and that are not forgotten yet. */
  readonly #ended = new Set<string>();
  #connection: Promise<ControlConnection>;
  #pid = 0;
  #closed = false;

  constructor(options: ConnectOptions) {
    this.#options = options;
    this.#socketPath = join(options.execRoot, 'keeper.sock');
    this.#connection = Promise.reject(fail('unavailable', 'the keeper is not connected'));
    this.#connection.catch(() => undefined);
  }

  get pid(): number {
    return this.#pid;
  }

  /** Opens the connection, and keeps it open from then on. */
  async connect(): Promise<void> {
    this.#connection = this.#open();
    await this.#connection;
  }

  start(request: StartRequest): Promise<StartedProcess> {
    const pending = { request, result: Promise.withResolvers<StartedProcess>(), attempts: 0 };
    if (this.#starts.has(request.id)) return Promise.reject(fail('conflict', `process ${request.id} is starting`));
    this.#starts.set(request.id, pending);
    void this.#sendStart(pending);
    return pending.result.promise;
  }

  async attach(request: AttachRequest): Promise<AttachedStream> {
    await this.#connection;
    return openAttachment(this.#socketPath, request);
  }

  async signal(id: string, signal: number): Promise<void> {
    await this.#request('signal', { id, signal });
  }

  async resize(id: string, rows: number, columns: number): Promise<void> {
    await this.#request('resize', { id, rows, columns });
  }

  async list(): Promise<KeptProcess[]> {
    return ((await this.#request('list', {})) as KeptProcess[]).map((kept) => this.#exits.complete(kept));
  }

  async forget(id: string): Promise<void> {
    this.#held.delete(id);
    await this.#request('forget', { id });
    this.#ended.delete(id);
    this.#exits.drop(id);
  }

  async dismiss(id: string): Promise<void> {
    await this.#request('dismiss', { id }).catch(() => undefined);
  }

  onExit(listener: (process: KeptProcess) => void): void {
    this.#exitListeners.push(listener);
    for (const kept of [...this.#held.values()]) this.#deliver(kept);
  }

  onReplaced(listener: () => void): void {
    this.#replacedListeners.push(listener);
  }

  async shutDown(): Promise<void> {
    this.#closed = true;
    const connection = await this.#connection;
    await connection.request('shutdown', {});
    this.#exits.close();
  }

  close(): void {
    this.#closed = true;
    this.#exits.close();
    this.#connection.then(
      (connection) => connection.close(),
      () => undefined,
    );
  }

  /** Sends a request; once more when the keeper died over it, for all but `start` may be done twice. */
  async #request(verb: string, fields: object): Promise<unknown> {
    const connection = await this.#connection;
    try {
      return await connection.request(verb, fields);
    } catch (error) {
      if (kindOf(error) !== 'unavailable' || this.#closed) throw error;
      return (await this.#connection).request(verb, fields);
    }
  }

  async #sendStart(pending: PendingStart): Promise<void> {
    pending.attempts++;
    try {
      const { request } = pending;
      // Else the exit of its last run, told again by a next keeper, could be taken for this one's.
      if (this.#ended.has(request.id)) await this.forget(request.id);
      const connection = await this.#connection;
      this.#settleStart(request.id, (await connection.request('start', { request })) as StartedProcess);
    } catch (error) {
      // When the keeper died over it, the next keeper knows what became of it: see #reconcile.
      if (kindOf(error) !== 'unavailable' || this.#closed) this.#failStart(pending.request.id, error);
    }
  }

  #settleStart(id: string, started: StartedProcess): void {
    const pending = this.#starts.get(id);
    // The exit may have come in the same breath as the answer, and have settled it already.
    if (pending === undefined) return;
    this.#starts.delete(id);
    pending.result.resolve(started);
    const exit = this.#held.get(id);
    if (exit === undefined) this.#exits.add(id, started.pid);
    // Behind the promise's own callbacks.
    if (exit !== undefined) setImmediate(() => this.#deliver(exit));
  }

  #failStart(id: string, reason: unknown): void {
    const pending = this.#starts.get(id);
    this.#starts.delete(id);
    this.#held.delete(id);
    pending?.result.reject(reason);
  }

  async #open(): Promise<ControlConnection> {
    const { signal, execRoot, command } = this.#options;
    const deadline = performance.now() + connectTimeoutMs;
    let launched: Subprocess | undefined;
    let renewals = 0;
    for (;;) {
      signal?.throwIfAborted();
      if (this.#closed) throw fail('unavailable', 'the keeper is not connected');
      try {
        const connection = await this.#greet(renewals < renewalAttempts);
        if (connection instanceof ControlConnection) return connection;
        await this.#renew(connection.other, connection.greeting, renewals++ === 0);
      } catch (error) {
        if (performance.now() > deadline) throw fail('unavailable', 'the keeper does not start', error);
      }
      // It ends at once when another keeper, which may be just ending, still holds the lock.
      if (launched === undefined || launched.exitCode !== null) launched = launchKeeper(execRoot, command);
      await Bun.sleep(connectPollMs);
    }
  }

  /** Connects to the keeper that is there; with `isChoosy`, one of another edition is given back instead. */
  async #greet(
    isChoosy: boolean,
  ): Promise<ControlConnection | { readonly other: ControlConnection; readonly greeting: Greeting }> {
    let refused: Greeting | undefined;
    const connection = await ControlConnection.open(
      this.#socketPath,
      (greeting) => {
        const isOurs = greeting.version === keeperProtocolVersion && greeting.edition === this.#options.edition;
        if (isOurs || !isChoosy) this.#greeted(greeting);
        else refused = greeting;
      },
      (event) => {
        if (refused === undefined) this.#heard(event);
      },
      () => {
        if (refused === undefined) this.#lost();
      },
    );
    return refused === undefined ? connection : { other: connection, greeting: refused };
  }

  /**
   * Has a keeper of another edition become one of ours, in place. One that is too old for that, or will not, is killed,
   * and the next one takes over: we then hold what tells the exit codes of what ends in between.
   */
  async #renew(other: ControlConnection, { pid, version, processes }: Greeting, isPolite: boolean): Promise<void> {
    log('info', 'the keeper is of another edition, and is renewed', { pid });
    if (isPolite && version >= firstRenewableVersion) {
      // Its answer is the end of the connection.
      await other.request('renew', { command: this.#options.command }).catch(() => undefined);
    } else {
      for (const kept of processes) if (kept.state === 'running') this.#exits.add(kept.id, kept.pid);
      process.kill(pid, 'SIGKILL');
    }
    other.close();
  }

  #greeted(greeting: Greeting): void {
    const replaced = this.#pid !== 0;
    this.#pid = greeting.pid;
    for (const kept of greeting.processes) if (kept.state === 'running') this.#exits.add(kept.id, kept.pid);
    if (replaced) this.#reconcile(greeting.processes);
  }

  #lost(): void {
    if (this.#closed) return;
    this.#connection = this.#open();
    this.#connection.catch((error: unknown) => {
      if (this.#closed) return;
      // Whoever asks meanwhile gets the error too.
      for (const id of [...this.#starts.keys()]) this.#failStart(id, error);
      setTimeout(() => this.#lost(), reconnectPauseMs).unref();
    });
  }

  /** Settles the starts that the dead keeper left unanswered. */
  #reconcile(processes: readonly KeptProcess[]): void {
    const known = new Map(processes.map((kept) => [kept.id, kept]));
    for (const pending of this.#starts.values()) {
      const kept = known.get(pending.request.id);
      if (kept === undefined) setImmediate(() => void this.#sendStart(pending));
      // Of an exited one an event follows.
      else if (kept.state !== 'exited') this.#adopt(kept);
    }
    setImmediate(() => {
      for (const listener of this.#replacedListeners) listener();
    });
  }

  /** What became of a start whose keeper died. */
  #adopt(kept: KeptProcess): void {
    const pending = this.#starts.get(kept.id);
    if (pending === undefined) return;
    if (kept.pid !== undefined && kept.startedAtNs !== undefined) {
      this.#settleStart(kept.id, { id: kept.id, pid: kept.pid, startedAtNs: kept.startedAtNs });
    } else if (kept.state === 'exited' && kept.neverRan === true && pending.attempts < startAttempts) {
      // A start forgets an ended process of that id.
      setImmediate(() => void this.#sendStart(pending));
    } else if (kept.state === 'exited') {
      this.#failStart(kept.id, fail('unavailable', 'the keeper died while it started the process'));
      this.forget(kept.id).catch(() => undefined);
    }
  }

  #heard({ event, process }: KeeperEvent): void {
    if (event === 'started') {
      this.#adopt(process);
      return;
    }
    const kept = this.#exits.complete(process);
    if (!this.#starts.has(kept.id)) {
      this.#deliver(kept);
      return;
    }
    // A keeper answers a start before it reports its exit: we are about to see the answer, or it went down with that keeper.
    if (kept.pid !== undefined) this.#held.set(kept.id, kept);
    this.#adopt(kept);
  }

  #deliver(kept: KeptProcess): void {
    if (this.#exitListeners.length === 0) {
      this.#held.set(kept.id, kept);
      return;
    }
    this.#held.delete(kept.id);
    this.#ended.add(kept.id);
    for (const listener of this.#exitListeners) listener(kept);
  }
}
