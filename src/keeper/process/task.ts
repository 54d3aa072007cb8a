import { closeDescriptor } from '#linux/fifo';
import { closePidfd, exitStatusOf, signalPidfd } from '#linux/pidfd';
import { readProcessStat, reapChild } from '#linux/process';
import { setWindowSize } from '#linux/pty';
import { fail, messageOf } from '#std/errors';
import { log } from '#std/log';
import { nowNs } from '#std/time';
import { endOf } from '../exit-watch.ts';
import type { Exit, KeptProcess, StartRequest } from '../protocol.ts';
import type { Input } from './input.ts';
import type { ExitRecord, Journal, RunningRecord } from './journal.ts';
import type { Readiness } from './readiness.ts';
import type { StandardStreams } from './standard-streams.ts';
import type { Subscriber } from './subscriber.ts';

/** A process that runs: how to see its end. */
interface Watch {
  readonly pidfd: number;
  readonly record: RunningRecord;
}

/** One process the keeper knows. Its state only moves forward: starting, running, exited. */
export class Task {
  readonly request: StartRequest;
  readonly #journal: Journal;
  readonly #readiness: Readiness;
  #streams: StandardStreams | undefined;
  #running: RunningRecord | undefined;
  #watch: Watch | undefined;
  #exit: ExitRecord | undefined;
  #state: KeptProcess['state'] = 'starting';
  /** Ends the start in progress. */
  killStart: () => void = () => undefined;
  /** Is called when a client has closed the input of a process that goes on. */
  onInputClosed: () => void = () => undefined;
  /** Is called before descriptors of the ended process are closed: its pidfd and its input. */
  onEnding: () => void = () => undefined;
  /** Is called once: the process has exited, its output is drained and its exit is in the journal. */
  onExit: () => void = () => undefined;

  constructor(request: StartRequest, journal: Journal, readiness: Readiness) {
    this.request = request;
    this.#journal = journal;
    this.#readiness = readiness;
  }

  get id(): string {
    return this.request.id;
  }

  get state(): KeptProcess['state'] {
    return this.#state;
  }

  get input(): Input | undefined {
    return this.#streams?.input;
  }

  get streams(): StandardStreams | undefined {
    return this.#streams;
  }

  /** Gives the process its streams: a terminal has them only once the runtime has sent it. */
  connect(streams: StandardStreams): void {
    this.#streams = streams;
    if (streams.input === undefined) return;
    streams.input.onClosed = () => {
      if (this.#exit === undefined) this.onInputClosed();
    };
  }

  get running(): RunningRecord | undefined {
    return this.#running;
  }

  get pidfd(): number | undefined {
    return this.#watch?.pidfd;
  }

  describe(): KeptProcess {
    const { id, container, kind } = this.request;
    return {
      id,
      container,
      kind,
      state: this.#state,
      ...(this.#running && { pid: this.#running.pid, startedAtNs: this.#running.startedAtNs }),
      ...(this.#state === 'exited' && this.#exit && exitFields(this.#exit)),
    };
  }

  /** The runtime has started the process. */
  run(record: RunningRecord, pidfd: number): void {
    this.#running = record;
    this.#watch = { pidfd, record };
    this.#state = 'running';
  }

  /** From now on its end is noticed; how depends on whose child it is. */
  watch(parent: 'keeper' | 'other'): void {
    if (this.#watch === undefined) return;
    const notice = parent === 'keeper' ? 'sigchld' : 'poll';
    this.#readiness.watch(this.#watch.pidfd, 'read', () => this.#ended(), notice);
    // It may have ended before anybody looked.
    this.#readiness.poll();
  }

  /** Attaches a client. */
  subscribe(subscriber: Subscriber): void {
    if (this.#state === 'exited' || this.#streams?.output === undefined) subscriber.end();
    else this.#streams.output.add(subscriber);
  }

  unsubscribe(subscriber: Subscriber): void {
    this.#streams?.output?.remove(subscriber);
  }

  signal(signal: number): void {
    if (this.#state === 'starting') {
      if (signal !== 9) throw fail('conflict', `process ${this.id} is still starting`);
      this.killStart();
      return;
    }
    if (this.#watch === undefined || !signalPidfd(this.#watch.pidfd, signal)) {
      throw fail('not-found', `process ${this.id} has exited`);
    }
  }

  resize(rows: number, columns: number): void {
    const master = this.#streams?.master;
    if (master === undefined) throw fail('conflict', `process ${this.id} has no terminal`);
    setWindowSize(master, rows, columns);
  }

  /** The process is gone, and its exit is in the journal: takes what it has left behind. */
  async finish(running: RunningRecord | undefined, exit: ExitRecord): Promise<void> {
    this.#running = running;
    this.#exit = exit;
    this.onEnding();
    try {
      this.#streams?.input?.close();
      await this.#streams?.output?.finish();
    } catch (error) {
      log('error', 'output of an ended process is incomplete', { id: this.id, error: messageOf(error) });
    }
    this.#state = 'exited';
    this.#streams?.output?.endSubscribers();
    this.onExit();
  }

  /** Lets go of everything; the journal's entry too. When it resolves no file of the log is touched any more. */
  async dispose(): Promise<void> {
    const streams = this.#streams;
    streams?.input?.close();
    streams?.output?.close();
    if (this.#watch !== undefined) this.#dropWatch(this.#watch);
    for (const descriptor of Object.values(streams?.fifos ?? {})) closeDescriptor(descriptor);
    if (streams?.master !== undefined) closeDescriptor(streams.master);
    streams?.mark.close();
    this.#journal.remove(this.id);
    streams?.forwarder?.close();
    await streams?.log?.close().catch((error: unknown) => log('warn', 'cannot close log', { error: messageOf(error) }));
  }

  #dropWatch(watch: Watch): void {
    this.#watch = undefined;
    this.#readiness.unwatch(watch.pidfd);
    closePidfd(watch.pidfd);
  }

  #ended(): void {
    const watch = this.#watch;
    if (watch === undefined) return;
    const status = endStatus(watch.record.pid, watch.pidfd);
    this.onEnding();
    this.#dropWatch(watch);
    const exit: Exit = { ...(status !== undefined && endOf(status)), atNs: String(nowNs()) };
    this.#journal.writeExit(this.id, exit);
    void this.finish(this.#running, exit);
  }
}

function exitFields({ neverRan, ...exit }: ExitRecord): Pick<KeptProcess, 'exit' | 'neverRan'> {
  return { exit, ...(neverRan === true && { neverRan }) };
}

/**
 * Wait status of an ended process: by reaping it when it is our child, else from what the kernel keeps for its pidfd, or
 * shows of a zombie that its parent has not reaped yet. Undefined when the kernel has forgotten.
 */
export function endStatus(pid: number, pidfd: number): number | undefined {
  const status = reapChild(pid) ?? exitStatusOf(pidfd);
  if (status !== undefined) return status;
  const stat = readProcessStat(pid);
  if (stat?.state === 'Z' || stat?.state === 'X') return stat.exitStatus;
  // Reaped by its parent between the two looks.
  return exitStatusOf(pidfd);
}
