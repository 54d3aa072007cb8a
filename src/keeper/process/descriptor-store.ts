import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Subprocess } from 'bun';
import { receiveDescriptors, sendDescriptors, socketPair, startPeeking } from '#linux/fd-passing';
import { closeDescriptor } from '#linux/fifo';
import { closePidfd, hasEnded, openPidfd, takeDescriptor } from '#linux/pidfd';
import { readProcessStat } from '#linux/process';
import { messageOf } from '#std/errors';
import { log } from '#std/log';

/**
 * What is kept of a process: the reading ends of its output FIFOs, for their content; its pidfd, for its exit code; a
 * terminal's master and the writing end of its input, for its life.
 */
export type StoredKind = 'stdout' | 'stderr' | 'pidfd' | 'master' | 'stdin';
export type StoredDescriptors = Readonly<Partial<Record<StoredKind, number>>>;

const kinds: readonly StoredKind[] = ['stdout', 'stderr', 'pidfd', 'master', 'stdin'];
const recordBytes = 96;
const socketBufferBytes = 8 * 1024 * 1024;
/** So many dropped entries may lie around before they are cleared out. */
const garbageLimit = 32;

/**
 * What the holder does: it sleeps, and ends once it is not the one on record, so that nothing stays behind of a keeper
 * that died in the moment it started one, or whose exec root was removed. All is done in subshells, which let go of the
 * descriptors: the holder's own must stay where they are.
 */
const holderScript = `while (exec sleep 5 <&- >&- 2>&- 3>&-) && (
  read -r record <"$0" && case $record in *":$$,"*) ;; *) exit 1 ;; esac
); do :; done`;

/** A socket pair whose queue holds entries: what was sent at one end and not received at the other. */
interface Space {
  readonly sender: number;
  readonly receiver: number;
}

/**
 * Keeps descriptors open across the keeper's death. They are in flight in a socket pair, of which one tiny process, that
 * does nothing but sleep, holds both ends too. There are two pairs, so that clearing out dropped entries can send all
 * others again through the second before it empties the first: at no moment is an entry in neither.
 */
export class DescriptorStore {
  readonly #recordPath: string;
  readonly #live = new Map<string, StoredDescriptors>();
  #spaces: readonly [Space, Space] | undefined;
  #current = 0;
  #garbage = 0;
  #holder: Subprocess | undefined;

  constructor(execRoot: string) {
    this.#recordPath = join(execRoot, 'holder.json');
  }

  /** Pid of the process that holds the sockets. */
  get holderPid(): number | undefined {
    return this.#holder?.pid;
  }

  /**
   * Starts a holder of our own. Returns copies of what a dead keeper's holder keeps, the caller's to close, and a
   * function that lets ours take that one's place, to be called once everything worth keeping is kept here.
   */
  open(): { readonly kept: Map<string, StoredDescriptors>; release(): void } {
    const old = this.#findHolder();
    const kept = old === undefined ? new Map<string, StoredDescriptors>() : readHolder(old.pidfd);
    this.#startHolder();
    return {
      kept,
      release: () => {
        this.#recordHolder();
        if (old === undefined) return;
        if (!hasEnded(old.pidfd)) killGroup(old.pid);
        closePidfd(old.pidfd);
      },
    };
  }

  /** Keeps a process's descriptors, instead of those kept for it before. They must stay open until `drop` or `release`. */
  keep(id: string, descriptors: StoredDescriptors): void {
    if (this.#live.has(id)) this.#garbage++;
    this.#live.set(id, descriptors);
    this.#send(this.#current, id, descriptors);
  }

  /** Keeps a process's descriptors without its input, and makes sure that nobody holds that open any more. */
  dropInput(id: string): void {
    const { stdin, ...others } = this.#live.get(id) ?? {};
    if (stdin === undefined) return;
    this.#live.set(id, others);
    this.#compact();
  }

  /** These of a process's descriptors are about to be closed here, so they are not sent again. The holder has them still. */
  release(id: string, released: readonly StoredKind[]): void {
    const kept = this.#live.get(id);
    if (kept === undefined) return;
    this.#live.set(
      id,
      Object.fromEntries(Object.entries(kept).filter(([kind]) => !released.some((one) => one === kind))),
    );
  }

  /** Keeps a process's descriptors no longer. */
  drop(id: string): void {
    if (!this.#live.delete(id)) return;
    this.#garbage++;
    if (this.#garbage > garbageLimit + this.#live.size) this.#compact();
  }

  /** Ends the holder. */
  close(): void {
    const holder = this.#holder;
    this.#holder = undefined;
    if (holder !== undefined && holder.exitCode === null) killGroup(holder.pid);
    this.#closeSpaces();
    rmSync(this.#recordPath, { force: true });
  }

  #compact(): void {
    const other = 1 - this.#current;
    for (const [id, descriptors] of this.#live) this.#send(other, id, descriptors);
    const space = this.#spaces?.[this.#current];
    this.#current = other;
    this.#garbage = 0;
    if (space === undefined) return;
    for (let entry = receive(space, false); entry !== undefined; entry = receive(space, false)) closeAll(entry);
  }

  #send(index: number, id: string, descriptors: StoredDescriptors): void {
    const space = this.#spaces?.[index];
    if (space === undefined) return;
    const present = kinds.filter((kind) => descriptors[kind] !== undefined);
    const record = Buffer.alloc(recordBytes, ' ');
    record.write(`${present.map((kind) => kinds.indexOf(kind)).join('')} ${id}`);
    const values = present.map((kind) => descriptors[kind] ?? -1);
    if (!sendDescriptors(space.sender, record, values)) log('warn', 'descriptor store is full', { id });
  }

  #startHolder(): void {
    const pairs = [socketPair(socketBufferBytes), socketPair(socketBufferBytes)] as const;
    const [first, second] = pairs;
    try {
      const stdio = [first[0], first[1], second[0], second[1]] as [number, number, number, number];
      const holder: Subprocess = Bun.spawn(['sh', '-c', holderScript, this.#recordPath], {
        stdio,
        cwd: '/',
        detached: true,
        onExit: () => this.#lost(holder),
      });
      this.#holder = holder;
    } catch (error) {
      log('warn', 'no process holds descriptors across a death of the keeper', { error: messageOf(error) });
    }
    this.#spaces = [
      { sender: first[0], receiver: first[1] },
      { sender: second[0], receiver: second[1] },
    ];
    this.#current = 0;
    this.#garbage = 0;
    for (const [id, descriptors] of this.#live) this.#send(0, id, descriptors);
  }

  /** Somebody has killed the holder; we still have everything. */
  #lost(holder: Subprocess): void {
    if (this.#holder !== holder) return;
    this.#closeSpaces();
    this.#startHolder();
    this.#recordHolder();
  }

  /** Makes the holder known to the next keeper, once it has everything. */
  #recordHolder(): void {
    const pid = this.#holder?.pid;
    if (pid === undefined) return;
    const record = { pid, startTime: readProcessStat(pid)?.startTime };
    writeFileSync(`${this.#recordPath}.new`, `${JSON.stringify(record)}\n`);
    renameSync(`${this.#recordPath}.new`, this.#recordPath);
  }

  #closeSpaces(): void {
    for (const space of this.#spaces ?? []) {
      closeDescriptor(space.sender);
      closeDescriptor(space.receiver);
    }
    this.#spaces = undefined;
  }

  #findHolder(): { readonly pid: number; readonly pidfd: number } | undefined {
    try {
      const { pid, startTime } = JSON.parse(readFileSync(this.#recordPath, 'utf8')) as {
        pid: number;
        startTime: string;
      };
      const pidfd = openPidfd(pid);
      if (pidfd === undefined) return undefined;
      if (readProcessStat(pid)?.startTime === startTime) return { pid, pidfd };
      closePidfd(pidfd);
    } catch {
      // There was none.
    }
    return undefined;
  }
}

/** The holder leads a group of its own, with the sleep that it waits for. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

/** Copies of all entries of a holder; both pairs are read, since its keeper may have died while it moved them over. */
function readHolder(pidfd: number): Map<string, StoredDescriptors> {
  const kept = new Map<string, StoredDescriptors>();
  for (const [sender, receiver] of [
    [0, 1],
    [2, 3],
  ] as const) {
    try {
      const space = { sender: takeDescriptor(pidfd, sender), receiver: takeDescriptor(pidfd, receiver) };
      startPeeking(space.receiver);
      for (let entry = receive(space, true); entry !== undefined; entry = receive(space, true)) {
        closeAll({ descriptors: kept.get(entry.id) ?? {} });
        kept.set(entry.id, entry.descriptors);
      }
      closeDescriptor(space.sender);
      closeDescriptor(space.receiver);
    } catch (error) {
      log('warn', 'descriptors of the dead keeper are lost', { error: messageOf(error) });
    }
  }
  return kept;
}

function receive(space: Space, peek: boolean): { id: string; descriptors: StoredDescriptors } | undefined {
  const message = receiveDescriptors(space.receiver, recordBytes, peek);
  if (message === undefined) return undefined;
  const [codes = '', id = ''] = message.data.toString('latin1').trimEnd().split(' ');
  const descriptors: Partial<Record<StoredKind, number>> = {};
  for (const [index, code] of [...codes].entries()) {
    const kind = kinds[Number(code)];
    const descriptor = message.descriptors[index];
    if (kind !== undefined && descriptor !== undefined) descriptors[kind] = descriptor;
  }
  return { id, descriptors };
}

/** Closes the descriptors of an entry. */
export function closeAll(entry: { readonly descriptors: StoredDescriptors }): void {
  for (const descriptor of Object.values(entry.descriptors)) closeDescriptor(descriptor);
}
