import { readdirSync, readFileSync } from 'node:fs';

/** What /proc tells of one process (proc_pid_stat(5), proc_pid_status(5), proc_pid_cmdline(5)). */
export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Device number of the terminal; 0 for none. */
  readonly terminal: number;
  readonly foregroundGroup: number;
  readonly name: string;
  /** The kernel's letter: `S`, `R`, `D`, `Z`, … */
  readonly state: string;
  readonly uid: number;
  readonly nice: number;
  readonly threads: number;
  /** User and kernel time in seconds, rounded down. */
  readonly cpuSeconds: number;
  /** Since boot. */
  readonly startSeconds: number;
  readonly virtualBytes: number;
  readonly residentBytes: number;
  readonly hasLockedMemory: boolean;
  /** Empty for a kernel thread or a zombie. */
  readonly commandLine: readonly string[];
}

const ticksPerSecond = 100;
const pageBytes = 4096;

function wordsOf(commandLine: string): string[] {
  return commandLine === '' ? [] : commandLine.replace(/\0+$/, '').split('\0');
}

function stateIn(stat: string): string {
  return stat.charAt(stat.lastIndexOf(')') + 2);
}

/**
 * Whether a thread of a process waits in the kernel for a disk or a server. It may hold the lock of the process's memory, and
 * then whoever asks for the command line, which lies there, waits too.
 */
export function mayHoldItsMemory(pid: number): boolean {
  try {
    if (stateIn(readFileSync(`/proc/${pid}/stat`, 'latin1')) === 'D') return true;
    const threads = readdirSync(`/proc/${pid}/task`);
    return (
      threads.length > 1 &&
      threads.some((thread) => stateIn(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1')) === 'D')
    );
  } catch {
    // It has ended.
    return false;
  }
}

/** Reads it; undefined when the process is gone. Not to be asked of one that `mayHoldItsMemory`. */
export function readProcessFacts(pid: number): ProcessFacts | undefined {
  let stat: string;
  let status: string;
  let commandLine: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    status = readFileSync(`/proc/${pid}/status`, 'utf8');
    commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return undefined;
  }
  // The name in parentheses may hold anything, so count fields from its end.
  const end = stat.lastIndexOf(')');
  const [state = '', ...fields] = stat.slice(end + 2).split(' ');
  const numberAt = (index: number): number => Number(fields[index] ?? 0);
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  return {
    pid,
    parent: numberAt(0),
    group: numberAt(1),
    session: numberAt(2),
    terminal: numberAt(3),
    foregroundGroup: numberAt(4),
    name: stat.slice(stat.indexOf('(') + 1, end),
    state,
    uid: Number(/^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1] ?? 0),
    cpuSeconds: Math.floor((numberAt(10) + numberAt(11)) / ticksPerSecond),
    nice: numberAt(15),
    threads: numberAt(16),
    startSeconds: numberAt(18) / ticksPerSecond,
    virtualBytes: numberAt(19),
    residentBytes: numberAt(20) * pageBytes,
    hasLockedMemory: kilobytes('VmLck') > 0,
    commandLine: wordsOf(commandLine),
  };
}

/** Seconds since boot. */
export function readUptimeSeconds(): number {
  return Number(readFileSync('/proc/uptime', 'latin1').split(' ', 1)[0]);
}
