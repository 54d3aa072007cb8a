import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { hasCode } from '#linux/errno';
import { readProcessStat } from '#linux/process';
import { connectKeeper, type Keeper, type KeptProcess, type StartRequest } from '../index.ts';

const applets = [
  'sh',
  'cat',
  'echo',
  'printf',
  'sleep',
  'true',
  'false',
  'seq',
  'stty',
  'test',
  'yes',
  'head',
  'kill',
  'trap',
  'wc',
  'dd',
  'date',
];

/** Options of a test container that differ from a plain one. */
export interface ContainerOptions extends Partial<Omit<StartRequest, 'id' | 'container' | 'kind'>> {
  readonly arguments: readonly string[];
  /** Whether it shares the host's pid namespace. */
  readonly hostPids?: boolean;
  readonly logged?: boolean;
}

/**
 * A directory with a busybox root file system, and a keeper that runs real containers from it. Where the host mixes
 * cgroup versions the keeper gets a mount namespace without the unified tree, which the runtime would refuse.
 */
export class KeeperBench implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'estiba-keeper-'));
  readonly execRoot = join(this.directory, 'x');
  readonly runtimeRoot = join(this.directory, 'runtime');
  readonly cgroup = basename(this.directory);
  readonly exits = new Map<string, KeptProcess>();
  #scripts = 0;
  readonly #waiters: (() => void)[] = [];
  readonly #keepers: Keeper[] = [];

  constructor() {
    const bin = join(this.directory, 'rootfs', 'bin');
    for (const name of ['proc', 'dev', 'tmp', 'sys'])
      mkdirSync(join(this.directory, 'rootfs', name), { recursive: true });
    mkdirSync(bin);
    copyFileSync('/usr/bin/busybox', join(bin, 'busybox'));
    for (const applet of applets) symlinkSync('busybox', join(bin, applet));
  }

  commandOf(edition: string): string[] {
    const keeper = [process.execPath, join(import.meta.dir, 'main.ts'), this.execRoot, edition];
    if (!existsSync('/sys/fs/cgroup/unified')) return keeper;
    return ['unshare', '-m', 'sh', '-c', 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"', 'sh', ...keeper];
  }

  /** Connects an engine's side. */
  connect(edition = 'this'): Promise<Keeper> {
    return this.connectBy(this.commandOf(edition), edition);
  }

  /** The same, with another command for a keeper to come. */
  async connectBy(command: readonly string[], edition: string): Promise<Keeper> {
    const keeper = await connectKeeper({ execRoot: this.execRoot, edition, command });
    this.#keepers.push(keeper);
    keeper.onExit((kept) => {
      this.exits.set(kept.id, kept);
      for (const waiter of this.#waiters.splice(0)) waiter();
    });
    return keeper;
  }

  /** A start request for a container that runs `arguments`, with its bundle made. */
  container(id: string, options: ContainerOptions): StartRequest {
    const { arguments: args, hostPids = false, logged = true, ...rest } = options;
    const bundle = join(this.directory, 'bundles', id);
    mkdirSync(bundle, { recursive: true });
    const namespaces = ['mount', 'ipc', 'uts', ...(hostPids ? [] : ['pid'])].map((type) => ({ type }));
    const config = {
      ociVersion: '1.0.0',
      process: this.process(args, options),
      root: { path: join(this.directory, 'rootfs') },
      mounts: [
        { destination: '/proc', type: 'proc', source: 'proc' },
        { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['mode=755'] },
        { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['newinstance', 'ptmxmode=0666'] },
      ],
      linux: { namespaces, cgroupsPath: `/${this.cgroup}/${id}` },
    };
    writeFileSync(join(bundle, 'config.json'), JSON.stringify(config));
    return {
      id,
      container: id,
      kind: 'init',
      runtime: 'crun',
      runtimeRoot: this.runtimeRoot,
      bundle,
      terminal: false,
      openStdin: false,
      stdinOnce: false,
      ...(logged && { log: { path: this.logPath(id), maxSizeBytes: -1, maxFiles: 1 } }),
      ...rest,
    };
  }

  /** A start request for one more process in a container. */
  exec(id: string, container: string, options: ContainerOptions): StartRequest {
    const { arguments: args, hostPids: _, logged: __, ...rest } = options;
    const processFile = join(this.directory, `${id}.json`);
    writeFileSync(processFile, JSON.stringify(this.process(args, options)));
    return {
      id,
      container,
      kind: 'exec',
      runtime: 'crun',
      runtimeRoot: this.runtimeRoot,
      processFile,
      terminal: false,
      openStdin: false,
      stdinOnce: false,
      ...rest,
    };
  }

  /** A script that stands in for the OCI runtime; returns its path. */
  runtime(script: string): string {
    const path = join(this.directory, `runtime-${this.#scripts++}`);
    writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return path;
  }

  /** Makes an empty file in /tmp of all containers. */
  touch(name: string): void {
    writeFileSync(join(this.directory, 'rootfs', 'tmp', name), '');
  }

  logPath(id: string): string {
    return join(this.directory, `${id}.log`);
  }

  /** The text of a log, both streams, in order. */
  logText(id: string): string {
    return readLog(this.logPath(id));
  }

  /** Resolves with the exit of a process. */
  async exit(id: string, timeoutMs = 10_000): Promise<KeptProcess> {
    const deadline = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const kept = this.exits.get(id);
      if (kept !== undefined) return kept;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#waiters.push(resolve);
      deadline.onabort = () => reject(new Error(`no exit of ${id}`));
      await promise;
    }
  }

  /** Ends all containers, the keeper and what they leave behind. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const keeper of this.#keepers.splice(0)) keeper.close();
    if (existsSync(join(this.execRoot, 'keeper.sock'))) await endKeeper(await this.connect());
    await until(() => !existsSync(join(this.execRoot, 'keeper.sock')));
    this.#removeCgroups();
    rmSync(this.directory, { recursive: true, force: true });
  }

  process(args: readonly string[], { terminal = false, rows, columns }: ContainerOptions): object {
    return {
      terminal,
      ...(rows !== undefined && columns !== undefined && { consoleSize: { height: rows, width: columns } }),
      user: { uid: 0, gid: 0 },
      args,
      env: ['PATH=/bin', 'TERM=xterm'],
      cwd: '/',
      capabilities: { bounding: ['CAP_KILL'], effective: ['CAP_KILL'], permitted: ['CAP_KILL'] },
    };
  }

  #removeCgroups(): void {
    for (const controller of ['.', ...readdirSync('/sys/fs/cgroup')]) {
      const parent = join('/sys/fs/cgroup', controller, this.cgroup);
      if (!existsSync(parent)) continue;
      for (const entry of readdirSync(parent, { withFileTypes: true })) {
        if (entry.isDirectory()) removeCgroup(join(parent, entry.name));
      }
      removeCgroup(parent);
    }
  }
}

async function endKeeper(keeper: Keeper): Promise<void> {
  for (const kept of await keeper.list()) {
    if (kept.state !== 'exited') await keeper.signal(kept.id, 9).catch(() => undefined);
  }
  await until(async () => (await keeper.list()).every((kept) => kept.state === 'exited'));
  for (const kept of await keeper.list()) await keeper.forget(kept.id);
  await keeper.shutDown();
  keeper.close();
}

function removeCgroup(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

/** The text of a json-file log; of a line that is being written, nothing yet. */
export function readLog(path: string): string {
  const text = readFileSync(path, 'utf8');
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { log: string }).log)
    .join('');
}

/** Whether a process runs: a zombie does not. */
export function isAlive(pid: number): boolean {
  const state = readProcessStat(pid)?.state;
  return state !== undefined && state !== 'Z';
}

/** Waits for a condition. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('the condition did not come true');
    await Bun.sleep(5);
  }
}

/** Everything a stream has until its end. */
export async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The payloads of a multiplexed stream, by stream. */
export function demultiplex(bytes: Buffer): { stdout: string; stderr: string } {
  const text = { stdout: '', stderr: '' };
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4);
    text[bytes[at] === 2 ? 'stderr' : 'stdout'] += bytes.toString('utf8', at + 8, at + 8 + length);
    at += 8 + length;
  }
  return text;
}
