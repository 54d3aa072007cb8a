import { readdirSync, readFileSync } from 'node:fs';
import { openDescriptor } from '#linux/fifo';
import { closePidfd, hasEnded, openPidfd, signalPidfd } from '#linux/pidfd';
import { killWithChildren, readProcessStat } from '#linux/process';
import { messageOf } from '#std/errors';
import { log } from '#std/log';
import { nowNs } from '#std/time';
import { ChunkMark } from './chunk-mark.ts';
import { closeAll, type DescriptorStore, type StoredDescriptors } from './descriptor-store.ts';
import { Input } from './input.ts';
import type { ExitRecord, Journal, RunningRecord, TaskFiles, TaskRecord } from './journal.ts';
import { logSink } from './log-sink.ts';
import type { Readiness } from './readiness.ts';
import { repairLog } from './repair.ts';
import { hasStarted, readPidFile, removeRuntimeState } from './runtime.ts';
import { joinStreams, type OutputFifos, openOutputFifos, type StreamParts, storedOf } from './standard-streams.ts';
import { endStatus, Task } from './task.ts';
import type { Tasks } from './tasks.ts';

const runtimePollMs = 10;
const runtimeTimeoutMs = 5000;

/** Takes over all processes of a keeper that died. */
export class TakeOver {
  readonly #journal: Journal;
  readonly #readiness: Readiness;
  readonly #store: DescriptorStore;
  readonly #tasks: Tasks;

  constructor(journal: Journal, readiness: Readiness, store: DescriptorStore, tasks: Tasks) {
    this.#journal = journal;
    this.#readiness = readiness;
    this.#store = store;
    this.#tasks = tasks;
  }

  /** When it returns all processes are known, and their descriptors are kept; their logs are repaired after that. */
  run(): void {
    const { kept, release } = this.#store.open();
    for (const id of this.#journal.ids()) {
      const record = this.#journal.readTask(id);
      if (record === undefined) {
        this.#journal.remove(id);
        continue;
      }
      const task = new Task(record.request, this.#journal, this.#readiness);
      this.#tasks.add(task);
      try {
        closeAll({ descriptors: this.#adopt(task, record, kept.get(id) ?? {}) });
        kept.delete(id);
      } catch (error) {
        log('error', 'cannot take over a process', { id, error: messageOf(error) });
        void task.finish(record.running, this.#writeExit(id, false));
      }
    }
    for (const descriptors of kept.values()) closeAll({ descriptors });
    release();
  }

  /** Goes on with one process; returns what of `kept` it has no use for. */
  #adopt(task: Task, record: TaskRecord, kept: StoredDescriptors): StoredDescriptors {
    const { id, request } = task;
    const { running } = record;
    const files = this.#journal.files(id);
    const fifos = openOutputFifos(request, files);
    const exit = this.#journal.readExit(id);
    if (running === undefined && exit === undefined) {
      this.#store.keep(id, fifos);
      void this.#awaitStart(task, files, fifos);
      return kept;
    }
    const { pidfd: keptPidfd, master, ...unused } = kept;
    const pidfd = keptPidfd ?? (running && findProcess(running));
    const input = record.inputClosed === true ? undefined : this.#openInput(task, files);
    const parts: StreamParts = { fifos, ...(input && { input }), ...(master !== undefined && { master }) };
    this.#store.keep(id, { ...storedOf(parts), ...(pidfd !== undefined && { pidfd }) });
    if (running !== undefined && pidfd !== undefined && exit === undefined) {
      task.run(running, pidfd);
      void this.#connect(task, files, parts, () => task.watch('other'));
    } else {
      if (pidfd !== undefined) closePidfd(pidfd);
      const known = exit ?? this.#writeExit(id, false);
      void this.#connect(task, files, parts, () => void task.finish(running, known));
    }
    return unused;
  }

  /** Repairs the log, gives the process its streams, and goes on with `next`. */
  async #connect(task: Task, files: TaskFiles, parts: StreamParts, next: () => void): Promise<void> {
    const { request } = task;
    const file = request.log && logSink(request.log);
    if (file !== undefined && parts.fifos.stdout !== undefined) {
      const mark = new ChunkMark(files.mark);
      try {
        await repairLog(file, mark, parts.fifos);
      } catch (error) {
        log('error', 'cannot repair log', { path: file.path, error: messageOf(error) });
      }
      mark.close();
    }
    task.connect(joinStreams(request, files, this.#readiness, { ...parts, ...(file && { log: file }) }));
    this.#tasks.linkWaiting(task);
    task.streams?.output?.start();
    next();
  }

  /** The writing end of the process's input, while somebody reads it. */
  #openInput(task: Task, files: TaskFiles): Input | undefined {
    if (!task.request.openStdin || task.request.terminal) return undefined;
    try {
      return new Input(openDescriptor(files.stdin, 'write', false), this.#readiness, true);
    } catch {
      // Nobody reads it any more.
      return undefined;
    }
  }

  /** An end of which nobody can tell more than that it came. */
  #writeExit(id: string, neverRan: boolean): ExitRecord {
    const exit: ExitRecord = { atNs: String(nowNs()), ...(neverRan && { neverRan }) };
    this.#journal.writeExit(id, exit);
    return exit;
  }

  /** A start was under way: lets the runtime, which is nobody's child now, end, and sees what came of it. */
  async #awaitStart(task: Task, files: TaskFiles, fifos: OutputFifos): Promise<void> {
    const { request } = task;
    const { outcome, process } = await endOfRuntime(task, files);
    // A terminal was on its way to the dead keeper, and is lost with it.
    if (outcome !== 'started' || request.terminal) {
      if (process !== undefined) endProcess(process);
      removeRuntimeState(request);
      const exit = this.#writeExit(task.id, outcome === 'nothing');
      await this.#connect(task, files, { fifos }, () => void task.finish(undefined, exit));
    } else if (process !== undefined) {
      const input = this.#openInput(task, files);
      const parts = { fifos, ...(input && { input }) };
      const { pid, startTime, pidfd } = process;
      this.#tasks.enter(task, { pid, startTime, startedAtNs: String(nowNs()) }, pidfd, storedOf(parts));
      await this.#connect(task, files, parts, () => {
        this.#tasks.onStarted(task.describe());
        task.watch('other');
      });
    } else {
      // It has ended since, and its code is gone.
      const running = { pid: readPidFile(files) ?? 0, startTime: '', startedAtNs: String(nowNs()) };
      this.#journal.writeTask(task.id, { request, running });
      const exit = this.#writeExit(task.id, false);
      await this.#connect(task, files, { fifos }, () => void task.finish(running, exit));
    }
  }
}

/** What a runtime that was nobody's child has started. */
interface FoundProcess {
  readonly pid: number;
  readonly startTime: string;
  readonly pidfd: number;
}

/** What came of a start: its process, a failure, or nothing that ever ran. */
interface StartOutcome {
  readonly outcome: 'started' | 'failed' | 'nothing';
  readonly process?: FoundProcess;
}

/** Waits until the OCI runtime that works on a start has ended, and ends it when that takes too long. */
async function endOfRuntime(task: Task, files: TaskFiles): Promise<StartOutcome> {
  const runtime = findRuntime(files);
  const pidfd = runtime === undefined ? undefined : openPidfd(runtime);
  let process = findStarted(files);
  let status: number | undefined;
  let killed = false;
  if (runtime !== undefined && pidfd !== undefined) {
    task.killStart = () => {
      killed = true;
      killWithChildren(runtime);
    };
    const deadline = performance.now() + runtimeTimeoutMs;
    while (!hasEnded(pidfd) && performance.now() < deadline) {
      await Bun.sleep(runtimePollMs);
      // Found early, its exit code can be had later.
      process ??= findStarted(files);
    }
    if (!hasEnded(pidfd)) {
      log('warn', 'a start that hung is ended', { id: task.id });
      task.killStart();
    }
    status = endStatus(runtime, pidfd);
    closePidfd(pidfd);
  }
  process ??= findStarted(files);
  const started = status === undefined ? hasStarted(task.request, files) : status === 0;
  const outcome = started && !killed ? 'started' : killed || readPidFile(files) !== undefined ? 'failed' : 'nothing';
  return { outcome, ...(process && { process }) };
}

function endProcess(process: FoundProcess): void {
  signalPidfd(process.pidfd, 9);
  closePidfd(process.pidfd);
}

/** The process whose pid the runtime has written. */
function findStarted(files: TaskFiles): FoundProcess | undefined {
  const pid = readPidFile(files);
  const pidfd = pid === undefined ? undefined : openPidfd(pid);
  if (pid === undefined || pidfd === undefined) return undefined;
  return { pid, startTime: readProcessStat(pid)?.startTime ?? '', pidfd };
}

/** A pidfd of a process known by its pid and start time; undefined when it is gone. */
function findProcess(running: RunningRecord): number | undefined {
  const pidfd = openPidfd(running.pid);
  if (pidfd === undefined || readProcessStat(running.pid)?.startTime === running.startTime) return pidfd;
  closePidfd(pidfd);
  return undefined;
}

/** Pid of the OCI runtime that works on a start: its command line names the process's pid file. */
function findRuntime(files: TaskFiles): number | undefined {
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    try {
      if (readFileSync(`/proc/${entry}/cmdline`, 'latin1').split('\0').includes(files.pid)) return Number(entry);
    } catch {
      // It ended while we looked.
    }
  }
  return undefined;
}
