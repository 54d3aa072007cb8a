import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './processes.ts';

export interface RegistryOptions {
  /** Who is let in, with basic authentication. */
  readonly user?: { readonly name: string; readonly password: string };
  /** Files of a certificate and its key. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** Where the registry's own data is, for one that goes on with what another had. */
  readonly directory?: string;
  /** The port of another that has ended; a free one where it is not said. */
  readonly port?: number;
}

export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  /** `http://127.0.0.1:PORT`, or `https:`. */
  readonly url: string;
  /** What it has stored, as Debian's registry lays it out. */
  readonly directory: string;
}

/** Debian's docker-registry: DOCKER_REGISTRY, one on PATH, or the one that `npm test` fetched. */
function registryProgram(): string {
  const fetched = join(import.meta.dir, '../../node_modules/.cache/docker-registry/usr/bin/docker-registry');
  const found =
    process.env.DOCKER_REGISTRY ?? Bun.which('docker-registry') ?? (existsSync(fetched) ? fetched : undefined);
  if (found === undefined) throw new Error('no docker-registry: run the tests by `npm test`, which fetches one');
  return found;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

/** The settings of a registry on a port of this machine; JSON is YAML too. */
async function settingsFor(
  scratch: string,
  directory: string,
  port: number,
  options: RegistryOptions,
): Promise<string> {
  const { user, tls } = options;
  const passwords = join(scratch, 'htpasswd');
  if (user !== undefined) {
    const hash = await Bun.password.hash(user.password, { algorithm: 'bcrypt', cost: 4 });
    // Its reader knows the oldest name of the algorithm alone.
    writeFileSync(passwords, `${user.name}:${hash.replace(/^\$2b\$/, '$2y$')}\n`);
  }
  return JSON.stringify({
    version: 0.1,
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: directory }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}`, ...(tls && { tls: { certificate: tls.certificate, key: tls.key } }) },
    // Layers that are elsewhere are taken from everywhere.
    validation: { manifests: { urls: { allow: ['^https?://'] } } },
    ...(user && { auth: { htpasswd: { realm: 'tests', path: passwords } } }),
  });
}

/** Starts Debian's docker-registry on a port of this machine, and waits until it answers. */
export async function startRegistry(options: RegistryOptions = {}): Promise<TestRegistry> {
  const scratch = mkdtempSync(join(tmpdir(), 'estiba-registry-'));
  const directory = options.directory ?? join(scratch, 'data');
  const file = join(scratch, 'config.yml');
  const start = async (port: number) => {
    writeFileSync(file, await settingsFor(scratch, directory, port, options));
    const child = Bun.spawn([registryProgram(), 'serve', file], {
      stdio: ['ignore', 'ignore', Bun.file(join(scratch, 'said.log'))],
      env: { PATH: process.env.PATH, OTEL_TRACES_EXPORTER: 'none' },
    });
    const url = `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
    const init = { tls: { rejectUnauthorized: false }, proxy: false } as unknown as RequestInit;
    const answers = () =>
      fetch(`${url}/v2/`, init).then(
        ({ status }) => status === 200 || status === 401,
        () => false,
      );
    await until(
      'docker-registry to answer, or to end',
      async () => child.exitCode !== null || (await answers()),
      30_000,
    );
    return { child, port, url };
  };
  // Another test may be given the same free port in the meantime.
  let running = await start(options.port ?? (await freePort()));
  for (let tries = 0; running.child.exitCode !== null && options.port === undefined && tries < 4; tries += 1) {
    running = await start(await freePort());
  }
  const { child, port, url } = running;
  if (child.exitCode !== null) {
    throw new Error(`docker-registry ended: ${await Bun.file(join(scratch, 'said.log')).text()}`);
  }
  return {
    host: `127.0.0.1:${port}`,
    port,
    pid: child.pid,
    url,
    directory,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await child.exited;
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}
