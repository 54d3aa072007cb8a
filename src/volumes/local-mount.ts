import { lookup } from 'node:dns/promises';
import { isIPv4 } from 'node:net';
import { reasonOf, SystemCallError } from '#linux/errno';
import { mount, mountFlags, type Propagation, setPropagation, unmount } from '#linux/mount';
import { fail, messageOf } from '#std/errors';
import type { LocalMount } from './options.ts';

/** One call of mount(2), as it is handed to the process that makes it. */
export interface MountCall {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly flags: number;
  readonly options: string;
}

/** Options that mount(2) takes as flags; `false` takes the flag away. */
const flagOptions: Readonly<Record<string, readonly [flag: number, set: boolean]>> = {
  async: [mountFlags.synchronous, false],
  atime: [mountFlags.noAtime, false],
  bind: [mountFlags.bind, true],
  defaults: [0, true],
  dev: [mountFlags.noDev, false],
  diratime: [mountFlags.noDirAtime, false],
  dirsync: [mountFlags.dirSync, true],
  exec: [mountFlags.noExec, false],
  mand: [mountFlags.mandatoryLocks, true],
  noatime: [mountFlags.noAtime, true],
  nodev: [mountFlags.noDev, true],
  nodiratime: [mountFlags.noDirAtime, true],
  noexec: [mountFlags.noExec, true],
  nomand: [mountFlags.mandatoryLocks, false],
  norelatime: [mountFlags.relatime, false],
  nostrictatime: [mountFlags.strictAtime, false],
  nosuid: [mountFlags.noSuid, true],
  rbind: [mountFlags.bind | mountFlags.recursive, true],
  relatime: [mountFlags.relatime, true],
  ro: [mountFlags.readOnly, true],
  rw: [mountFlags.readOnly, false],
  strictatime: [mountFlags.strictAtime, true],
  suid: [mountFlags.noSuid, false],
  sync: [mountFlags.synchronous, true],
};

const propagations: ReadonlySet<string> = new Set(
  ['private', 'shared', 'slave', 'unbindable'].flatMap((name) => [name, `r${name}`]),
);

interface Parsed {
  readonly call: MountCall;
  readonly propagation: readonly Propagation[];
}

function parse({ type, device, options }: LocalMount, target: string): Parsed {
  let flags = 0;
  const data: string[] = [];
  const propagation: Propagation[] = [];
  for (const option of options) {
    const known = flagOptions[option];
    if (known !== undefined) flags = known[1] ? flags | known[0] : flags & ~known[0];
    else if (propagations.has(option)) propagation.push(option as Propagation);
    else data.push(option);
  }
  return { call: { source: device, target, type, flags, options: data.join(',') }, propagation };
}

async function addressOf(host: string): Promise<string> {
  try {
    return (await lookup(host)).address;
  } catch (error) {
    throw fail('internal', `error resolving passed in network volume address: lookup ${host}: no such host`, error);
  }
}

/** The kernel knows no host names: `addr=` of nfs and cifs, and the host in the device of cifs, become addresses. */
async function withAddresses(request: LocalMount): Promise<LocalMount> {
  const { type, device, options } = request;
  if (type !== 'nfs' && type !== 'cifs') return request;
  const named = options.find((option) => option.startsWith('addr='))?.slice('addr='.length);
  if (named !== undefined) {
    if (isIPv4(named)) return request;
    const address = await addressOf(named);
    return { ...request, options: options.map((option) => (option === `addr=${named}` ? `addr=${address}` : option)) };
  }
  const host = type === 'cifs' ? /^\/\/([^/]+)/.exec(device)?.[1] : undefined;
  if (host === undefined) return request;
  return { ...request, device: device.replace(host, await addressOf(host)) };
}

/** The part of mount(2) that may wait for a server or a disk, for who knows how long. */
async function mountByChild(call: MountCall, command: readonly string[]): Promise<void> {
  const child = Bun.spawn([...command, JSON.stringify(call)], { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' });
  const [answer, complaint, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code === 0) return;
  const errno = Number(answer.trim());
  if (Number.isInteger(errno) && errno > 0) throw new SystemCallError('mount', errno, call.target);
  throw fail('internal', complaint.trim() || `the mount was ended by ${child.signalCode ?? code}`);
}

function isQuick({ type, flags }: MountCall): boolean {
  return type === 'tmpfs' || (flags & mountFlags.bind) !== 0;
}

async function perform({ call, propagation }: Parsed, command: readonly string[] | undefined): Promise<void> {
  if (command === undefined || isQuick(call)) mount(call);
  else await mountByChild(call, command);
  const { target, flags } = call;
  // The kernel takes other flags for a bind mount only in a second step.
  const rest = flags & ~(mountFlags.bind | mountFlags.recursive);
  if ((flags & mountFlags.bind) !== 0 && rest !== 0) {
    mount({ target, flags: mountFlags.bind | mountFlags.remount | rest });
  }
  for (const kind of propagation) setPropagation(target, kind);
}

/** What failed, as Docker writes it: a password in the options is nobody's business. */
function describe({ source, target, flags, options }: MountCall): string {
  const shown = options.replace(/((?:^|,)password=)[^,]*/, '$1********');
  return `mount ${source}:${target}${flags === 0 ? '' : `, flags: 0x${flags.toString(16)}`}${shown === '' ? '' : `, data: ${shown}`}`;
}

/**
 * Mounts what the options of a volume say at `target`. A mount that may take its time is made by a process of its own,
 * started by `command`. Throws `internal` in Docker's words.
 */
export async function mountLocal(request: LocalMount, target: string, command?: readonly string[]): Promise<void> {
  if (request.device === '') throw fail('internal', 'missing device in volume options');
  const parsed = parse(await withAddresses(request), target);
  try {
    await perform(parsed, command);
  } catch (error) {
    // The second step may have failed, after the first.
    unmount(target, { lazy: true });
    const reason = error instanceof SystemCallError ? reasonOf(error) : messageOf(error);
    throw fail('internal', `failed to mount local volume: ${describe(parsed.call)}: ${reason}`, error);
  }
}
