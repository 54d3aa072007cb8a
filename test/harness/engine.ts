import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { busyboxTar } from './busybox.ts';
import { leftovers, tracesOf, unmountBelow } from './leftovers.ts';
import {
  buildx,
  dockerCli,
  isAlive,
  killHard,
  processesNaming,
  type Ran,
  type RunOptions,
  run,
  until,
} from './processes.ts';

const projectRoot = join(import.meta.dir, '../..');

export interface EngineOptions {
  /** Without it the engine starts with `busybox:latest` loaded. */
  readonly empty?: boolean;
  /** Further arguments of `estiba engine`. */
  readonly arguments?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** What started the engine: the sources by default. */
  readonly command?: readonly string[];
  /** Makes of the engine's command one that starts it somewhere else, and becomes it. */
  readonly within?: (command: readonly string[]) => readonly string[];
}

/** A real engine in temporary directories. Disposing it proves that nothing of it is left on the host. */
export interface TestEngine extends AsyncDisposable {
  readonly root: string;
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly socket: string;
  /** `unix://…`, for DOCKER_HOST. */
  readonly host: string;
  /** The engine's process; changes with every restart. */
  pid(): number;
  keeperPid(): number;
  /** Path of the stock docker CLI. */
  readonly dockerCli: string;
  /** The stock docker CLI against this engine. */
  docker(...args: readonly string[]): Promise<Ran>;
  dockerWith(options: RunOptions, ...args: readonly string[]): Promise<Ran>;
  /** Standard output of a docker command that must succeed, trimmed. */
  dockerOk(...args: readonly string[]): Promise<string>;
  /** The stock buildx against this engine. */
  buildx(...args: readonly string[]): Promise<Ran>;
  buildxWith(options: RunOptions, ...args: readonly string[]): Promise<Ran>;
  /** What the docker CLI tells of a container's events up to now, in order; `since` as its flag takes it. */
  actionsOf(container: string, since: string): Promise<string[]>;
  /** Our own CLI against this engine. */
  estiba(...args: readonly string[]): Promise<Ran>;
  estibaWith(options: RunOptions, ...args: readonly string[]): Promise<Ran>;
  /** One HTTP request, `path` with its leading slash. */
  request(method: string, path: string, body?: unknown): Promise<Response>;
  /** The JSON body of a GET that must succeed. */
  get<T>(path: string): Promise<T>;
  /** Starts the engine (again) and waits until it answers. */
  start(): Promise<void>;
  kill(): Promise<void>;
  killKeeper(): Promise<void>;
  /** SIGTERM: the containers stay. */
  stop(): Promise<void>;
  /** The engine's log so far. */
  log(): string;
  /** What is on the host for containers that no record names. */
  leftovers(): Promise<string[]>;
  /** The same once the kernel's own teardown, which nobody waits for, has had its time. */
  settledLeftovers(): Promise<string[]>;
}

/** The command that runs Estiba from its sources. */
export function estibaCommand(): string[] {
  return [process.execPath, join(projectRoot, 'src/cmd/main.ts')];
}

function paths(root: string) {
  const socket = join(root, 's');
  return {
    dataRoot: join(root, 'd'),
    execRoot: join(root, 'x'),
    socket,
    host: `unix://${socket}`,
    logFile: join(root, 'log'),
  };
}

/** Starts an engine of its own in a new temporary directory. */
export async function startEngine(options: EngineOptions = {}): Promise<TestEngine> {
  const root = mkdtempSync(join(tmpdir(), 'estiba-'));
  const engine = new RunningEngine(root, options);
  try {
    await engine.start();
    if (options.empty !== true) await engine.loadBusybox();
  } catch (error) {
    await engine[Symbol.asyncDispose]().catch(() => {});
    throw error;
  }
  return engine;
}

class RunningEngine implements TestEngine {
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly socket: string;
  readonly host: string;
  readonly dockerCli = dockerCli();
  readonly #logFile: string;
  readonly #pidFile: string;

  constructor(
    readonly root: string,
    readonly options: EngineOptions,
  ) {
    const places = paths(root);
    this.dataRoot = places.dataRoot;
    this.execRoot = places.execRoot;
    this.socket = places.socket;
    this.host = places.host;
    this.#logFile = places.logFile;
    this.#pidFile = join(root, 'pid');
  }

  async start(): Promise<void> {
    rmSync(this.#pidFile, { force: true });
    const output = openSync(this.#logFile, 'a');
    const command = [
      ...(this.options.command ?? estibaCommand()),
      ...['engine', '--data-root', this.dataRoot, '--exec-root', this.execRoot, '--host', this.host],
      ...['--pidfile', this.#pidFile, ...(this.options.arguments ?? [])],
    ];
    // No child of ours: when a test times out the test runner kills its children, and the next tests need the engine.
    Bun.spawnSync(['setsid', '--fork', ...(this.options.within?.(command) ?? command)], {
      stdio: ['ignore', output, output],
      env: { ...process.env, ...this.options.environment },
    });
    closeSync(output);
    await until(
      'the engine to answer',
      async () => existsSync(this.#pidFile) && (await this.request('GET', '/_ping')).ok,
      30_000,
    ).catch((error: unknown) => {
      throw new Error(`the engine did not start:\n${this.log()}`, { cause: error });
    });
  }

  pid(): number {
    return Number(readFileSync(this.#pidFile, 'utf8'));
  }

  #isAlive(): boolean {
    return existsSync(this.#pidFile) && isAlive(this.pid());
  }

  keeperPid(): number {
    const found = processesNaming(this.execRoot).find(({ command }) => / keeper /.test(`${command} `));
    if (found === undefined) throw new Error(`no keeper runs:\n${this.#saidLast()}`);
    return found.pid;
  }

  async loadBusybox(): Promise<void> {
    const response = await fetch(
      `http://estiba/images/create?fromSrc=-&repo=busybox&tag=latest&changes=${encodeURIComponent('CMD ["sh"]')}`,
      { unix: this.socket, method: 'POST', body: Bun.file(busyboxTar()) },
    );
    const text = await response.text();
    if (!response.ok || text.includes('"error"')) throw new Error(`cannot import busybox: ${text}`);
  }

  docker(...args: readonly string[]): Promise<Ran> {
    return this.dockerWith({}, ...args);
  }

  dockerWith(options: RunOptions, ...args: readonly string[]): Promise<Ran> {
    return run([this.dockerCli, ...args], {
      ...options,
      environment: { DOCKER_HOST: this.host, DOCKER_CONFIG: this.root, ...options.environment },
    });
  }

  buildx(...args: readonly string[]): Promise<Ran> {
    return this.buildxWith({}, ...args);
  }

  buildxWith(options: RunOptions, ...args: readonly string[]): Promise<Ran> {
    const environment = { DOCKER_HOST: this.host, DOCKER_CONFIG: this.root, BUILDX_CONFIG: join(this.root, 'buildx') };
    return run([buildx(), ...args], { ...options, environment: { ...environment, ...options.environment } });
  }

  async dockerOk(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.docker(...args);
    if (code !== 0) throw new Error(`docker ${args.join(' ')} exited ${code}: ${stderr}`);
    return stdout.trim();
  }

  async actionsOf(container: string, since: string): Promise<string[]> {
    const till = (Date.now() / 1000 + 0.1).toFixed(3);
    const which = ['--since', since, '--until', till, '-f', `container=${container}`];
    return (await this.dockerOk('events', ...which, '--format', '{{.Action}}')).split('\n');
  }

  estiba(...args: readonly string[]): Promise<Ran> {
    return this.estibaWith({}, ...args);
  }

  estibaWith(options: RunOptions, ...args: readonly string[]): Promise<Ran> {
    const environment = { DOCKER_HOST: this.host, ...options.environment };
    return run([...(this.options.command ?? estibaCommand()), ...args], { ...options, environment });
  }

  request(method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(`http://estiba${path}`, {
      unix: this.socket,
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
    });
  }

  async get<T>(path: string): Promise<T> {
    const response = await this.request('GET', path);
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  async kill(): Promise<void> {
    await killHard(this.pid());
  }

  async killKeeper(): Promise<void> {
    await killHard(this.keeperPid());
  }

  async stop(): Promise<void> {
    const pid = this.pid();
    process.kill(pid, 'SIGTERM');
    await until('the engine to stop', () => !isAlive(pid));
  }

  log(): string {
    return existsSync(this.#logFile) ? readFileSync(this.#logFile, 'utf8') : '';
  }

  /** The last that engine and keeper had to say: a failure seldom tells enough. */
  #saidLast(): string {
    const lines = [this.#logFile, join(this.execRoot, 'keeper.log')].flatMap((path) =>
      existsSync(path) ? [`${path}:`, ...readFileSync(path, 'utf8').trimEnd().split('\n').slice(-20)] : [],
    );
    return lines.join('\n');
  }

  leftovers(): Promise<string[]> {
    return leftovers(this);
  }

  async settledLeftovers(): Promise<string[]> {
    await until('nothing to be left', async () => (await leftovers(this)).length === 0).catch(() => {});
    return leftovers(this);
  }

  async #removeContainers(): Promise<void> {
    const all = await this.get<{ Id: string }[]>('/containers/json?all=1');
    await Promise.all(all.map(({ Id }) => this.request('DELETE', `/containers/${Id}?force=1&v=1`)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Only a living engine can take its own things down.
    if (!this.#isAlive()) await this.start().catch(() => {});
    const traces = existsSync(this.#pidFile) ? await tracesOf(this).catch(() => undefined) : undefined;
    // Stopping each politely would take its ten seconds.
    await this.#removeContainers().catch(() => {});
    const stopped = await this.estiba('engine', 'stop', '--all', '--host', this.host);
    const complaints: string[] =
      stopped.code === 0 ? [] : [`engine stop --all exited ${stopped.code}: ${stopped.stderr}`];
    await until('all processes to end', () => processesNaming(this.root).length === 0).catch(async () => {
      for (const { pid, command } of processesNaming(this.root)) {
        complaints.push(`process left: ${command}`);
        await killHard(pid);
      }
    });
    // Another engine that comes to a bridge's name has its rules a moment before its bridge is seen to be its own.
    await until('nothing to be left', () => (traces?.remaining() ?? []).length === 0).catch(() => undefined);
    complaints.push(...(traces?.remaining() ?? []), ...unmountBelow(this.root));
    const said = complaints.length > 0 ? this.#saidLast() : '';
    rmSync(this.root, { recursive: true, force: true });
    if (complaints.length > 0) throw new Error(`the engine left something behind:\n${complaints.join('\n')}\n${said}`);
  }
}
