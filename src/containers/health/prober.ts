import { closeSync, openSync } from 'node:fs';
import { processes } from '#linux/cgroups';
import { makeCapture, readDescriptor } from '#linux/fifo';
import { exitCodeOf, type ProcessStat, readProcessStat } from '#linux/process';
import { canRunScripts, type ScriptReport, ScriptRunner } from '#linux/script-runner';
import { messageOf } from '#std/errors';
import { log } from '#std/log';
import { keptOutput, type Output } from './output.ts';
import { type ProbeProcess, probeScript, reports } from './probe-script.ts';

/** How often the output of a probe that takes its time is taken out of its pipe. */
const drainIntervalMs = 50;
/** How long a killed probe may take to vanish; it may hang in the kernel for ever. */
const killTimeoutMs = 2000;
const drainBytes = 64 * 1024;
/** One that writes as fast as it is read is not read for ever. */
const drainRounds = 16;

/** Where a probe runs. */
export interface ProbeTarget {
  /** Of the container's main process. */
  readonly pidfd: number;
  /** The container's cgroup. */
  readonly cgroup: string;
}

/** What came of a probe's process. */
export interface ProbeEnd {
  readonly exitCode: number;
  readonly output: string;
  readonly isLate: boolean;
}

/** Runs the processes of probes without a runtime. */
export interface Prober {
  /** Undefined when it cannot do this one: then it has done nothing, and the runtime can. */
  run(target: ProbeTarget, probe: ProbeProcess, timeoutMs: number): Promise<ProbeEnd | undefined>;
  close(): void;
}

interface Job {
  readonly target: ProbeTarget;
  readonly readEnd: number;
  readonly output: Output;
  readonly settle: (end: ProbeEnd | undefined) => void;
  pid: number;
  isLate: boolean;
  isUnstarted: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** Those of a cgroup's processes that belong to a probe: its session, and whoever descends from it. */
export function probeProcesses(
  stats: ReadonlyMap<number, Pick<ProcessStat, 'parent' | 'session'>>,
  pid: number,
): number[] {
  const known = new Map<number, boolean>([[pid, true]]);
  // The container decides how many they are and who descends from whom: each is looked at once.
  for (const start of stats.keys()) {
    const way: number[] = [];
    let at: number | undefined = start;
    while (at !== undefined && !known.has(at)) {
      const stat = stats.get(at);
      way.push(at);
      known.set(at, stat?.session === pid);
      at = stat === undefined || stat.session === pid ? undefined : stat.parent;
    }
    const belongs = known.get(at ?? way.at(-1) ?? start) === true;
    for (const one of way) known.set(one, belongs);
  }
  return [...stats.keys()].filter((one) => known.get(one));
}

/** Ends a probe with all that came of it. */
export function killProbe(cgroup: string, pid: number): void {
  const stats = new Map<number, ProcessStat>();
  for (const one of processes(cgroup)) {
    const stat = readProcessStat(one);
    if (stat !== undefined) stats.set(one, stat);
  }
  for (const one of probeProcesses(stats, pid)) {
    try {
      process.kill(one, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  }
}

/** Makes the prober; its helper starts with the first probe. `title` is how that is called in lists of processes. */
export function createProber(title: readonly string[]): Prober {
  const jobs = new Map<number, Job>();
  const buffer = new Uint8Array(drainBytes);
  let runner: ScriptRunner | undefined;
  let nothing = -1;
  let lastJob = 0;
  let isBroken = !canRunScripts;
  let drain: NodeJS.Timeout | undefined;

  function take(job: Job): void {
    for (let round = 0; round < drainRounds; round++) {
      const count = readDescriptor(job.readEnd, buffer, buffer.length);
      if (count === undefined || count === 0) return;
      job.output.add(buffer.subarray(0, count));
      if (count < buffer.length) return;
    }
  }

  function settle(number: number, exitCode: number | undefined): void {
    const job = jobs.get(number);
    if (job === undefined) return;
    jobs.delete(number);
    clearTimeout(job.timer);
    if (exitCode !== undefined) take(job);
    closeSync(job.readEnd);
    if (jobs.size === 0) {
      clearInterval(drain);
      drain = undefined;
    }
    job.settle(exitCode === undefined ? undefined : { exitCode, output: job.output.text(), isLate: job.isLate });
  }

  function heard({ kind, job: number, value }: ScriptReport): void {
    const job = jobs.get(number);
    if (job === undefined) return;
    if (kind === reports.started) {
      job.pid = Number(value);
      if (job.isLate) killProbe(job.target.cgroup, job.pid);
    } else if (kind === reports.unstarted) {
      job.isUnstarted = true;
    } else if (kind === reports.failed) {
      settle(number, undefined);
    } else {
      settle(number, job.isUnstarted ? undefined : exitCodeOf(Number(value)));
    }
  }

  function late(number: number): void {
    const job = jobs.get(number);
    if (job === undefined) return;
    job.isLate = true;
    if (job.pid !== 0) killProbe(job.target.cgroup, job.pid);
    job.timer = setTimeout(() => settle(number, 128 + 9), killTimeoutMs);
  }

  function gone(): void {
    runner = undefined;
    for (const number of [...jobs.keys()]) settle(number, undefined);
  }

  function helper(): ScriptRunner | undefined {
    if (runner !== undefined || isBroken) return runner;
    try {
      if (nothing < 0) nothing = openSync('/dev/null', 'r');
      runner = new ScriptRunner(title, heard, gone);
    } catch (error) {
      isBroken = true;
      log('warn', 'health probes start by the runtime, which is slower', { error: messageOf(error) });
    }
    return runner;
  }

  function run(target: ProbeTarget, probe: ProbeProcess, timeoutMs: number): Promise<ProbeEnd | undefined> {
    const number = ++lastJob;
    const script = probeScript(probe, number);
    const program = helper();
    if (script === undefined || program === undefined) return Promise.resolve(undefined);
    const { readEnd, writeEnd } = makeCapture();
    const { promise, resolve } = Promise.withResolvers<ProbeEnd | undefined>();
    const timer = setTimeout(() => late(number), timeoutMs);
    const output = keptOutput();
    jobs.set(number, { target, readEnd, output, settle: resolve, pid: 0, isLate: false, isUnstarted: false, timer });
    drain ??= setInterval(() => {
      for (const job of jobs.values()) take(job);
    }, drainIntervalMs);
    let isSent = false;
    try {
      isSent = program.run(script, [target.pidfd, writeEnd, nothing]);
    } catch (error) {
      log('debug', 'a probe was not taken', { error: messageOf(error) });
    }
    closeSync(writeEnd);
    if (!isSent) settle(number, undefined);
    return promise;
  }

  return {
    run,
    close() {
      runner?.[Symbol.dispose]();
      gone();
      if (nothing >= 0) closeSync(nothing);
      nothing = -1;
      isBroken = true;
    },
  };
}
