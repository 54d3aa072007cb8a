import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { replaceProgram } from '#linux/execute';
import { becomeSubreaper, type FileLock, inheritedLock, lockFile, startSession } from '#linux/process';
import { log } from '#std/log';
import { lockVariable } from '../protocol.ts';
import { DescriptorStore } from './descriptor-store.ts';
import { Journal } from './journal.ts';
import { Readiness } from './readiness.ts';
import { Server } from './server.ts';
import { TakeOver } from './take-over.ts';
import { Tasks } from './tasks.ts';

const idleTimeoutMs = 5000;
const startsPerCollection = 100;
const quietMs = 500;
const lockPollMs = 5;
const lockTimeoutMs = 400;

/** What a keeper is told. */
export interface KeeperOptions {
  readonly execRoot: string;
  /** Which program it is of; an engine of another one has it become that one's. */
  readonly edition: string;
}

/**
 * The keeper: parent of every container process of one exec root. Resolves when it ends, which it does by itself some
 * seconds after it has neither a process nor an engine; returns at once when another keeper serves this exec root, which
 * must exist.
 */
export async function runKeeper(options: KeeperOptions): Promise<void> {
  const { execRoot, edition } = options;
  using lock = await acquireLock(join(execRoot, 'keeper.lock'));
  if (lock === undefined) return;
  startSession();
  process.chdir('/');
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
  becomeSubreaper();
  const readiness = new Readiness();
  const journal = new Journal(execRoot);
  const store = new DescriptorStore(execRoot);
  const tasks = new Tasks(execRoot, journal, readiness, store);
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const server = new Server(tasks, { edition, shutDown: end, renew: (command) => becomeProgram(command, lock) });
  new TakeOver(journal, readiness, store, tasks).run();
  for (const name of readdirSync(execRoot)) if (name.startsWith('console.')) rmSync(join(execRoot, name));
  const socketPath = join(execRoot, 'keeper.sock');
  rmSync(socketPath, { force: true });
  server.listen(socketPath);
  log('info', 'keeper listens', { pid: process.pid });
  const collect = collectWhenQuiet(tasks);
  const look = endWhenIdle(server, tasks, end);
  server.onChange = () => {
    collect();
    look();
  };
  await ended;
  store.close();
  rmSync(socketPath, { force: true });
}

/** A keeper that was killed holds its lock until the kernel has taken it down, so one look is not enough. */
async function acquireLock(path: string): Promise<FileLock | undefined> {
  const inherited = inheritedLock(process.env[lockVariable]);
  delete process.env[lockVariable];
  if (inherited !== undefined) return inherited;
  const deadline = performance.now() + lockTimeoutMs;
  for (;;) {
    const lock = lockFile(path);
    if (lock !== undefined || performance.now() > deadline) return lock;
    await Bun.sleep(lockPollMs);
  }
}

/**
 * Goes on as the keeper of another program: the same process, so that it stays the parent of its containers, and no exit
 * code depends on who saw it. It finds everything else as after a death, and nobody can take its lock meanwhile.
 */
function becomeProgram(command: readonly string[], lock: FileLock): never {
  const [program = ''] = command;
  const path = program.includes('/') ? program : (Bun.which(program) ?? program);
  log('info', 'keeper becomes that of another edition', { program: path });
  lock.setInherited(true);
  try {
    return replaceProgram(path, command, { ...process.env, [lockVariable]: String(lock.descriptor) });
  } catch (error) {
    lock.setInherited(false);
    throw error;
  }
}

/**
 * Gives memory back in a quiet moment after many starts: left alone, the collector lets a process this small grow to
 * twice its size before it works.
 */
function collectWhenQuiet(tasks: Tasks): () => void {
  let collectedAt = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    if (tasks.startCount - collectedAt < startsPerCollection) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      collectedAt = tasks.startCount;
      Bun.gc(true);
    }, quietMs);
    timer.unref();
  };
}

/**
 * Ends the keeper some seconds after the last process was forgotten and the last engine has gone. Returns what looks
 * whether that is so.
 */
function endWhenIdle(server: Server, tasks: Tasks, end: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = (): void => {
    const idle = !server.isUsed && tasks.count === 0;
    if (!idle) {
      clearTimeout(timer);
      timer = undefined;
    } else {
      timer ??= setTimeout(end, idleTimeoutMs);
    }
  };
  look();
  return look;
}
