import { constants } from 'node:os';
import { join } from 'node:path';
import { capabilityNames } from '#api';
import { type Label, Script } from '#linux/script';
import { lastResultAddress } from '#linux/script-program';
import type { OciProcess } from '#oci';

const capabilityOrder: readonly string[] = capabilityNames;

/** What a probe's process is made of, beside the namespaces of its container's main process. */
export interface ProbeProcess {
  readonly process: OciProcess;
  /** The filter of its system calls as an array of struct sock_filter; undefined for none. */
  readonly filter: Buffer | undefined;
  /** The files of the container's cgroups by which a process joins them. */
  readonly cgroupFiles: readonly string[];
}

/** What a probe's script reports: that the probe has a pid, a wait status, that nothing came of it, or of its last step. */
export const reports = { started: 1, ended: 2, failed: 3, unstarted: 4 } as const;

/** Descriptors that come with the script, and those that the program has. */
const mainProcess = 3;
const output = 4;
const nothing = 5;
const own = 6;
const reportPipe = 1;

const namespaces = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000;
const closeOnExec = 0o2000000;
const writeOnly = 1;
const here = -100;
const everything = 0xffffffff;
const waitForAll = 0x40000000;
const { SIGCHLD, SIGKILL } = constants.signals;
const setParentDeathSignal = 1;
const setDumpable = 4;
const keepCapabilities = 8;
const dropFromBounding = 24;
const noNewPrivileges = 38;
const ambient = 47;
const ambientClear = 4;
const setFilter = 1;
const capabilityVersion = 0x20080522;
const usualUmask = 0o022;
/** exit(2) of a process that never became the probe. */
const unstartedCode = 127;

const limits = [
  'CPU',
  'FSIZE',
  'DATA',
  'STACK',
  'CORE',
  'RSS',
  'NPROC',
  'NOFILE',
  'MEMLOCK',
  'AS',
  'LOCKS',
  'SIGPENDING',
  'MSGQUEUE',
  'NICE',
  'RTPRIO',
  'RTTIME',
].map((name) => `RLIMIT_${name}`);

/** The parts of a process that a script reproduces; one with others is for the runtime. */
const knownParts: ReadonlySet<string> = new Set([
  'user',
  'args',
  'env',
  'cwd',
  'capabilities',
  'rlimits',
  'noNewPrivileges',
  // Of the main process alone: to one more process the runtime does not give it either.
  'oomScoreAdj',
]);

/** Whether a script gives a process all that the runtime would. */
export function isReproducible(process: OciProcess): boolean {
  const { capabilities, args, rlimits = [], cwd } = process;
  const parts = Object.keys(process).filter((name) => process[name as keyof OciProcess] !== undefined);
  return (
    parts.every((name) => knownParts.has(name)) &&
    capabilities !== undefined &&
    (capabilities.inheritable ?? []).length + (capabilities.ambient ?? []).length === 0 &&
    rlimits.every(({ type }) => limits.includes(type)) &&
    (args[0] ?? '') !== '' &&
    cwd.startsWith('/')
  );
}

function word(...halves: readonly [number, number]): bigint {
  return (BigInt(halves[1] >>> 0) << 32n) | BigInt(halves[0] >>> 0);
}

function limitWord(value: number): bigint {
  return Number.isFinite(value) ? BigInt(value) : 0xffffffffffffffffn;
}

function maskOf(names: readonly string[]): bigint {
  return names.reduce((mask, name) => mask | (1n << BigInt(capabilityOrder.indexOf(name))), 0n);
}

/** The files that execvp(3) would try, in its order. */
function candidates({ args, env }: OciProcess): string[] {
  const program = args[0] ?? '';
  if (program.includes('/')) return [program];
  const path = env.find((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ?? '';
  return path.split(':').map((directory) => join(directory === '' ? '.' : directory, program));
}

/** Writes what the two processes of a probe do: one that waits outside of the container, and the probe in it. */
class ProbeScript {
  readonly #script = new Script();
  readonly #job: number;
  readonly #failed: Label = {};
  readonly #inside: Label = {};
  readonly #unstarted: Label = {};

  constructor(job: number) {
    this.#job = job;
  }

  write({ process, filter, cgroupFiles }: ProbeProcess): Buffer | undefined {
    this.#wait(cgroupFiles);
    this.#script.mark(this.#inside);
    this.#connect();
    this.#confine(process, filter);
    this.#become(process);
    this.#script.mark(this.#unstarted);
    this.#report(reports.unstarted, own);
    this.#script.call('exit_group', [unstartedCode]);
    return this.#script.encode();
  }

  /** Tells the result of the last call. */
  #report(kind: number, descriptor: number): void {
    const head = this.#script.data(new Uint8Array(Uint32Array.of(kind, this.#job).buffer));
    const vector = this.#script.words([head, 8n, BigInt(lastResultAddress), 8n]);
    this.#script.call('writev', [descriptor, vector, 2]);
  }

  /** Outside: joins the cgroups and, for its child, the namespaces; has no name there that the container could see. */
  #wait(cgroupFiles: readonly string[]): void {
    const script = this.#script;
    const onError = this.#failed;
    script.call('prctl', [setParentDeathSignal, SIGKILL], { onError });
    // Nobody may look into what has the engine's rights: /proc/PID/exe, mem and fd of it are the host's root's alone.
    script.call('prctl', [setDumpable, 0], { onError });
    script.call('rt_sigaction', [SIGCHLD, script.data(Buffer.alloc(32)), 0, 8], { onError });
    for (const file of cgroupFiles) this.#writeFile(file, '0');
    script.call('setns', [mainProcess, namespaces], { onError });
    script.call('clone', [SIGCHLD], { onError, onZero: this.#inside });
    this.#report(reports.started, reportPipe);
    const status = BigInt(lastResultAddress) + 8n;
    script.call('close_range', [mainProcess, everything, 0]);
    script.call('wait4', [-1, status, waitForAll, 0], { onError });
    const head = script.data(new Uint8Array(Uint32Array.of(reports.ended, this.#job).buffer));
    script.call('writev', [reportPipe, script.words([head, 8n, status, 8n]), 2]);
    script.call('exit_group', [0]);
    script.mark(this.#failed);
    this.#report(reports.failed, reportPipe);
    script.call('exit_group', [unstartedCode]);
  }

  #writeFile(path: string, text: string): void {
    const script = this.#script;
    const onError = this.#failed;
    // The lowest free descriptor: 0 to 2 and three that came along are taken.
    script.call('openat', [here, script.text(path), writeOnly | closeOnExec, 0], { onError });
    script.call('write', [own, script.data(Buffer.from(text)), text.length], { onError });
    script.call('close', [own]);
  }

  /** Inside: a session of its own, standard streams, and no other descriptor but the one that closes itself. */
  #connect(): void {
    const script = this.#script;
    const onError = this.#unstarted;
    script.call('dup3', [reportPipe, own, closeOnExec], { onError });
    script.call('setsid', [], { onError });
    script.call('dup2', [nothing, 0], { onError });
    script.call('dup2', [output, 1], { onError });
    script.call('dup2', [output, 2], { onError });
    script.call('close_range', [mainProcess, nothing, 0], { onError });
    script.call('close_range', [own + 1, everything, 0], { onError });
  }

  /** Limits, user, capabilities and filter, in the order of the rights that each takes. */
  #confine(process: OciProcess, filter: Buffer | undefined): void {
    const script = this.#script;
    const onError = this.#unstarted;
    const { user, capabilities, rlimits = [] } = process;
    for (const { type, soft, hard } of rlimits) {
      const pair = script.words([limitWord(soft), limitWord(hard)]);
      script.call('prlimit64', [0, limits.indexOf(type), pair, 0], { onError });
    }
    if (process.noNewPrivileges === true) script.call('prctl', [noNewPrivileges, 1, 0, 0, 0], { onError });
    const program = filter && word(filter.length / 8, 0);
    const load = (): void => {
      if (filter === undefined || program === undefined) return;
      script.call('seccomp', [setFilter, 0, script.words([program, script.data(filter)])], { onError });
    };
    // Without that promise the kernel wants a capability for it.
    if (process.noNewPrivileges !== true) load();
    const bounding = maskOf(capabilities?.bounding ?? []);
    capabilityNames.forEach((_, number) => {
      if (((bounding >> BigInt(number)) & 1n) === 0n) script.call('prctl', [dropFromBounding, number]);
    });
    script.call('prctl', [keepCapabilities, 1], { onError });
    const groups = Uint32Array.from(user.additionalGids ?? []);
    script.call('setgroups', [groups.length, script.data(new Uint8Array(groups.buffer))], { onError });
    script.call('setresgid', [user.gid, user.gid, user.gid], { onError });
    script.call('setresuid', [user.uid, user.uid, user.uid], { onError });
    const [effective, permitted] = [maskOf(capabilities?.effective ?? []), maskOf(capabilities?.permitted ?? [])];
    const low = (mask: bigint): number => Number(mask & 0xffffffffn);
    const high = (mask: bigint): number => Number(mask >> 32n);
    const sets = Uint32Array.of(low(effective), low(permitted), 0, high(effective), high(permitted), 0);
    const version = script.words([word(capabilityVersion, 0)]);
    script.call('capset', [version, script.data(new Uint8Array(sets.buffer))], { onError });
    script.call('prctl', [ambient, ambientClear, 0, 0, 0], { onError });
    if (process.noNewPrivileges === true) load();
  }

  #become(process: OciProcess): void {
    const script = this.#script;
    const onError = this.#unstarted;
    // Forgotten by a change of user, so it comes after that.
    script.call('prctl', [setParentDeathSignal, SIGKILL], { onError });
    script.call('umask', [usualUmask]);
    script.call('chdir', [script.text(process.cwd)], { onError });
    const texts = (list: readonly string[]): bigint => script.words([...list.map((text) => script.text(text)), 0n]);
    const args = texts(process.args);
    const environment = texts(process.env);
    const files = candidates(process);
    files.forEach((file, index) => {
      // What is not in one directory may be in the next; whatever else goes wrong is for the runtime to tell.
      const next: Label = {};
      const onMissing = index + 1 < files.length ? next : onError;
      script.call('execve', [script.text(file), args, environment], { onError, onMissing });
      script.mark(next);
    });
  }
}

/** The script of one probe, whose reports bear the number `job`; undefined when it would be too long. */
export function probeScript(probe: ProbeProcess, job: number): Buffer | undefined {
  return new ProbeScript(job).write(probe);
}
