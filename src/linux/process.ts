import { dlopen, ptr } from 'bun:ffi';
import { readFileSync } from 'node:fs';
import { lazy } from '#std/lazy';
import { check, lastErrno } from './errno.ts';

const openLibrary = lazy(
  () =>
    dlopen('libc.so.6', {
      close: { args: ['i32'], returns: 'i32' },
      fcntl: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
      flock: { args: ['i32', 'i32'], returns: 'i32' },
      open: { args: ['ptr', 'i32', 'u32'], returns: 'i32' },
      prctl: { args: ['i32', 'u64', 'u64', 'u64', 'u64'], returns: 'i32' },
      setsid: { args: [], returns: 'i32' },
      waitid: { args: ['i32', 'i32', 'ptr', 'i32'], returns: 'i32' },
      waitpid: { args: ['i32', 'ptr', 'i32'], returns: 'i32' },
    }).symbols,
);

const O_RDWR = 0o2;
const O_CREAT = 0o100;
const O_CLOEXEC = 0o2000000;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const EWOULDBLOCK = 11;
const PR_SET_PDEATHSIG = 1;
const PR_SET_CHILD_SUBREAPER = 36;
const SIGKILL = 9n;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x01000000;
const P_ALL = 0;

/** A lock that is held by an open file. */
export interface FileLock extends Disposable {
  readonly descriptor: number;
  /** Whether a program that this process becomes holds it too. */
  setInherited(isInherited: boolean): void;
}

function fileLock(descriptor: number): FileLock {
  const { close, fcntl } = openLibrary();
  return {
    descriptor,
    setInherited: (isInherited) => void check('fcntl', fcntl(descriptor, F_SETFD, isInherited ? 0 : FD_CLOEXEC)),
    [Symbol.dispose]: () => void close(descriptor),
  };
}

/** The lock that the program before this one held, by the number of its descriptor; undefined when there is none. */
export function inheritedLock(number: string | undefined): FileLock | undefined {
  if (number === undefined || !/^\d+$/.test(number)) return undefined;
  const lock = fileLock(Number(number));
  lock.setInherited(false);
  return lock;
}

/**
 * Takes an exclusive lock on a file, which is made when missing; undefined when another process holds it. The lock ends
 * with the process, however that dies, or when it is disposed; the file stays.
 */
export function lockFile(path: string): FileLock | undefined {
  const library = openLibrary();
  const name = Buffer.from(`${path}\0`);
  const descriptor = check('open', library.open(ptr(name), O_RDWR | O_CREAT | O_CLOEXEC, 0o600), path);
  if (library.flock(descriptor, LOCK_EX | LOCK_NB) === 0) {
    return fileLock(descriptor);
  }
  const errno = lastErrno();
  library.close(descriptor);
  if (errno === EWOULDBLOCK) return undefined;
  check('flock', -1, path);
  return undefined;
}

/** Has the kernel kill this process when the thread that started it ends: prctl(2), PR_SET_PDEATHSIG. */
export function dieWithParent(): void {
  check('prctl', openLibrary().prctl(PR_SET_PDEATHSIG, SIGKILL, 0n, 0n, 0n));
}

/** Makes this process the parent of all descendants that lose theirs: prctl(2), PR_SET_CHILD_SUBREAPER. */
export function becomeSubreaper(): void {
  check('prctl', openLibrary().prctl(PR_SET_CHILD_SUBREAPER, 1n, 0n, 0n, 0n));
}

/** Leaves the session of the starter, so that its terminal's signals do not come here. False when this process leads a group. */
export function startSession(): boolean {
  return openLibrary().setsid() >= 0;
}

const statusBuffer = new Int32Array(1);

/** Reaps a child that has ended and returns its wait status; undefined while it runs or when it is no child of ours. */
export function reapChild(pid: number): number | undefined {
  return openLibrary().waitpid(pid, ptr(statusBuffer), WNOHANG) === pid ? statusBuffer[0] : undefined;
}

const siginfo = new Int32Array(32);

/** Pid of some child that has ended and waits to be reaped, which this does not do; undefined when there is none. */
export function findEndedChild(): number | undefined {
  siginfo.fill(0);
  if (openLibrary().waitid(P_ALL, 0, ptr(siginfo), WEXITED | WNOHANG | WNOWAIT) !== 0) return undefined;
  // si_pid follows si_signo, si_errno, si_code and a padding word.
  return siginfo[4] === 0 ? undefined : siginfo[4];
}

/** The signal that a wait status tells of; 0 when the process ended by itself. */
export function signalOf(status: number): number {
  return status & 0x7f;
}

/** The exit code that a wait status stands for, as shells and Docker tell it: 128+N when signal N ended the process. */
export function exitCodeOf(status: number): number {
  const signal = signalOf(status);
  return signal === 0 ? (status >> 8) & 0xff : 128 + signal;
}

/** What /proc/PID/stat says of a process (proc_pid_stat(5)); undefined when there is none. */
export interface ProcessStat {
  /** `Z` for a zombie. */
  readonly state: string;
  readonly parent: number;
  /** Pid of the first process of its session. */
  readonly session: number;
  /** In clock ticks since boot: together with the pid it names one process for ever. */
  readonly startTime: string;
  /** Wait status of a zombie. */
  readonly exitStatus: number;
}

/** Reads /proc/PID/stat; undefined when there is no such process. */
export function readProcessStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The name in parentheses may hold anything, so count fields from its end.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .trim()
    .split(' ');
  return {
    state: fields[0] ?? '',
    parent: Number(fields[1]),
    session: Number(fields[3]),
    startTime: fields[19] ?? '',
    exitStatus: Number(fields[49] ?? 0),
  };
}

/** Pids of a process's children, of all its threads; empty when it is gone. */
export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1');
    return text
      .split(' ')
      .filter((part) => part !== '')
      .map(Number);
  } catch {
    return [];
  }
}

/** Kills a process; none of that number is no error. */
export function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

/** Kills a process and its children; safe while it has not been reaped. */
export function killWithChildren(pid: number): void {
  const children = childrenOf(pid);
  killQuietly(pid);
  for (const child of children) killQuietly(child);
}
