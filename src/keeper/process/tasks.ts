import { openPidfd } from '#linux/pidfd';
import { findEndedChild, readProcessStat, reapChild } from '#linux/process';
import { setWindowSize } from '#linux/pty';
import { fail } from '#std/errors';
import { nowNs } from '#std/time';
import type { KeptProcess, StartedProcess, StartRequest } from '../protocol.ts';
import type { Attachment } from './attachment.ts';
import { ConsoleSocket } from './console.ts';
import type { DescriptorStore, StoredDescriptors } from './descriptor-store.ts';
import type { Journal, RunningRecord, TaskFiles } from './journal.ts';
import type { Readiness } from './readiness.ts';
import { type RuntimeRun, removeRuntimeState, runRuntime } from './runtime.ts';
import { joinStreams, makeOutputFifos, makePipes, openOutputFifos, storedOf } from './standard-streams.ts';
import { Task } from './task.ts';

/** All processes the keeper knows, and the clients that wait for one to start. */
export class Tasks {
  readonly #execRoot: string;
  readonly #journal: Journal;
  readonly #readiness: Readiness;
  readonly #store: DescriptorStore;
  readonly #tasks = new Map<string, Task>();
  readonly #waiting = new Map<string, Set<Attachment>>();
  #starts = 0;
  /** How many starts there have been. */
  startCount = 0;
  /** Is called for every exit. */
  onExit: (process: KeptProcess) => void = () => undefined;
  /** Is called when a start that another keeper began has ended well. */
  onStarted: (process: KeptProcess) => void = () => undefined;

  constructor(execRoot: string, journal: Journal, readiness: Readiness, store: DescriptorStore) {
    this.#execRoot = execRoot;
    this.#journal = journal;
    this.#readiness = readiness;
    this.#store = store;
    readiness.onChild = () => this.#reapStrays();
  }

  get count(): number {
    return this.#tasks.size;
  }

  list(): KeptProcess[] {
    return [...this.#tasks.values()].map((task) => task.describe());
  }

  /** The process with that id; throws `not-found`. */
  find(id: string): Task {
    const task = this.#tasks.get(id);
    if (task === undefined) throw fail('not-found', `no process ${id}`);
    return task;
  }

  /** Starts a process; its exit is reported only after `watch`, so that the start can be answered first. */
  async start(request: StartRequest): Promise<{ readonly started: StartedProcess; watch(): void }> {
    const known = this.#tasks.get(request.id);
    if (known !== undefined && known.state !== 'exited') throw fail('conflict', `process ${request.id} exists already`);
    if (known !== undefined) await this.forget(request.id);
    this.#journal.create(request.id);
    this.#journal.writeTask(request.id, { request });
    const task = new Task(request, this.#journal, this.#readiness);
    this.add(task);
    this.#starts++;
    this.startCount++;
    try {
      const { record, pidfd } = await this.#run(task, this.#journal.files(request.id));
      this.enter(task, record, pidfd, task.streams === undefined ? {} : storedOf(task.streams));
      task.streams?.output?.start();
      return {
        started: { id: request.id, pid: record.pid, startedAtNs: record.startedAtNs },
        watch: () => task.watch('keeper'),
      };
    } catch (error) {
      this.#tasks.delete(request.id);
      this.#store.drop(request.id);
      removeRuntimeState(request);
      await task.dispose();
      this.endWaiting(request.id);
      throw error;
    } finally {
      this.#starts--;
      this.#reapStrays();
    }
  }

  /** A process runs: the journal and the descriptor store hear of it. */
  enter(task: Task, record: RunningRecord, pidfd: number, stored: StoredDescriptors): void {
    const { request } = task;
    task.run(record, pidfd);
    const inputClosed = request.openStdin && !request.terminal && stored.stdin === undefined;
    this.#journal.writeTask(task.id, { request, running: record, ...(inputClosed && { inputClosed }) });
    this.#store.keep(task.id, { ...stored, pidfd });
  }

  /** Makes a process known. */
  add(task: Task): void {
    this.#tasks.set(task.id, task);
    task.onEnding = () => this.#store.release(task.id, ['pidfd', 'stdin']);
    task.onExit = () => {
      this.#store.drop(task.id);
      this.onExit(task.describe());
    };
    task.onInputClosed = () => {
      // While it starts, `enter` will write that.
      if (task.running !== undefined) {
        this.#journal.writeTask(task.id, { request: task.request, running: task.running, inputClosed: true });
      }
      this.#store.dropInput(task.id);
    };
  }

  /** Joins a client to a process that exists, or to the next one with that id. */
  attach(attachment: Attachment): void {
    const { id } = attachment.request;
    const task = this.#tasks.get(id);
    if (task !== undefined && (task.streams !== undefined || task.state === 'exited')) {
      attachment.link(task);
      return;
    }
    const waiting = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiting.add(attachment));
  }

  /** A client has gone. */
  detach(attachment: Attachment): void {
    const { id } = attachment.request;
    const waiting = this.#waiting.get(id);
    if (waiting?.delete(attachment) && waiting.size === 0) this.#waiting.delete(id);
    attachment.closed();
  }

  /** Links the clients that came before the process had streams. */
  linkWaiting(task: Task): void {
    const waiting = this.#waiting.get(task.id);
    this.#waiting.delete(task.id);
    for (const attachment of waiting ?? []) attachment.link(task);
  }

  /** Ends the clients that wait for a process which does not come. */
  endWaiting(id: string): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    for (const attachment of waiting ?? []) attachment.subscriber.end();
  }

  /** Drops an exited process. */
  async forget(id: string): Promise<void> {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    if (task.state !== 'exited') throw fail('conflict', `process ${id} has not exited`);
    this.#tasks.delete(id);
    await task.dispose();
  }

  /**
   * Reaps children of ours that nobody knows: orphans of containers that share the host's pid namespace. Not while a
   * runtime is at work, for then a container may have ended whose pid we are about to learn.
   */
  #reapStrays(): void {
    while (this.#starts === 0) {
      const pid = findEndedChild();
      if (pid === undefined || pid === this.#store.holderPid) return;
      for (const task of this.#tasks.values()) if (task.running?.pid === pid && task.pidfd !== undefined) return;
      reapChild(pid);
    }
  }

  async #run(task: Task, files: TaskFiles): Promise<{ readonly record: RunningRecord; readonly pidfd: number }> {
    const { request } = task;
    using console = request.terminal
      ? new ConsoleSocket(this.#execRoot, this.#readiness, (master) => setFirstSize(request, master))
      : undefined;
    const run = this.#spawn(task, files, console);
    task.killStart = run.kill;
    const pid = await run.started;
    const startedAtNs = String(nowNs());
    // Ended or not, a child stays until we reap it, so both can be had.
    const pidfd = openPidfd(pid);
    if (pidfd === undefined) throw fail('internal', `the OCI runtime started no process ${pid}`);
    if (console !== undefined) this.#connectTerminal(task, files, console);
    return { record: { pid, startTime: readProcessStat(pid)?.startTime ?? '', startedAtNs }, pidfd };
  }

  #spawn(task: Task, files: TaskFiles, console: ConsoleSocket | undefined): RuntimeRun {
    const { request } = task;
    if (console !== undefined) {
      makeOutputFifos(request, files);
      return runRuntime(request, files, [null, null, null], console.path);
    }
    const pipes = makePipes(request, files, this.#readiness, this.#waiting.has(request.id));
    task.connect(pipes.streams);
    // A process may have written and ended before the next keeper comes.
    this.#store.keep(request.id, storedOf(pipes.streams));
    this.linkWaiting(task);
    using ends = pipes.ends;
    return runRuntime(request, files, ends.descriptors, undefined);
  }

  #connectTerminal(task: Task, files: TaskFiles, console: ConsoleSocket): void {
    const master = console.take();
    if (master === undefined) throw fail('internal', 'the OCI runtime sent no terminal');
    const fifos = openOutputFifos(task.request, files);
    task.connect(joinStreams(task.request, files, this.#readiness, { fifos, master }));
    this.linkWaiting(task);
  }
}

function setFirstSize({ rows = 0, columns = 0 }: StartRequest, master: number): void {
  if (rows > 0 && columns > 0) setWindowSize(master, rows, columns);
}
