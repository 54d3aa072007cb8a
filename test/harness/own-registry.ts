import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { estibaCommand } from './engine.ts';
import { killHard, until } from './processes.ts';

/** `estiba registry serve` as a process, in a temporary directory. */
export interface OwnRegistry extends AsyncDisposable {
  readonly root: string;
  /** `http://127.0.0.1:PORT`; another port after each start. */
  readonly url: string;
  readonly pid: number;
  /** Starts it (again) on what it had, and waits until it serves. */
  start(): Promise<void>;
  kill(): Promise<void>;
  /** SIGTERM; gives the exit code. */
  stop(): Promise<number>;
  log(): string;
}

export interface OwnRegistryOptions {
  /** Further arguments of `estiba registry serve`. */
  readonly arguments?: readonly string[];
  /** The program: the sources by default. */
  readonly command?: readonly string[] | undefined;
  /** Where it keeps what it has; else a temporary directory, which goes with it. */
  readonly root?: string;
}

/** Starts a registry of ours. */
export async function startOwnRegistry(options: OwnRegistryOptions = {}): Promise<OwnRegistry> {
  const { arguments: more = [], command: program = estibaCommand() } = options;
  const scratch = mkdtempSync(join(tmpdir(), 'estiba-registry-'));
  const root = options.root ?? join(scratch, 'root');
  const logFile = join(scratch, 'log');
  const log = (): string => readFileSync(logFile, 'utf8');
  let child: Bun.Subprocess | undefined;
  let url = '';

  async function start(): Promise<void> {
    const output = openSync(logFile, 'w');
    const command = [...program, 'registry', 'serve', '--listen', '127.0.0.1:0', '--root', root, ...more];
    child = Bun.spawn(command, { stdio: ['ignore', output, output] });
    closeSync(output);
    const started = child;
    url = await until(
      'the registry to serve',
      () => {
        if (started.exitCode !== null) throw new Error(`the registry did not start:\n${log()}`);
        return /msg="registry ready".* url=(\S+)/.exec(log())?.[1];
      },
      30_000,
    );
  }

  async function kill(): Promise<void> {
    // One that has ended may have left its number to another.
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    await killHard(child.pid);
    await child.exited;
  }

  await start();
  return {
    root,
    get url() {
      return url;
    },
    get pid() {
      return child?.pid ?? 0;
    },
    start,
    kill,
    async stop() {
      child?.kill('SIGTERM');
      return (await child?.exited) ?? -1;
    },
    log,
    async [Symbol.asyncDispose]() {
      await kill();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}
