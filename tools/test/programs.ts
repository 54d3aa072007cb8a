import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

function must(command: readonly string[], directory: string): void {
  const { exitCode, stderr } = Bun.spawnSync([...command], { cwd: directory, stderr: 'pipe' });
  if (exitCode !== 0) throw new Error(`${command.join(' ')}: ${stderr.toString()}`);
}

/**
 * Path of a stock docker CLI for the tests: the one on PATH, else Debian's, unpacked into the project's cache. Nothing
 * is installed: the package would bring and start a daemon.
 */
export function provideDockerCli(root: string): string {
  const cache = join(root, 'node_modules/.cache/docker-cli');
  const fetched = join(cache, 'usr/bin/docker');
  const found = process.env.DOCKER_CLI ?? Bun.which('docker') ?? (existsSync(fetched) ? fetched : undefined);
  if (found !== undefined) return found;
  console.log('fetching a docker CLI for the tests (apt-get download docker.io)');
  const scratch = mkdtempSync(join(tmpdir(), 'estiba-docker-cli-'));
  try {
    must(['apt-get', 'update', '-qq'], scratch);
    must(['apt-get', '-o', 'APT::Sandbox::User=root', 'download', '-qq', 'docker.io'], scratch);
    const [debian] = [...new Bun.Glob('docker.io_*.deb').scanSync(scratch)];
    if (debian === undefined) throw new Error('apt-get download brought no docker.io package');
    mkdirSync(cache, { recursive: true });
    must(['sh', '-c', 'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" ./usr/bin/docker', 'sh', debian, cache], scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return fetched;
}

/** What only tests call and a small Debian lacks: the package, and the file that tells that it is there. */
const testPackages = {
  'xz-utils': '/usr/bin/xz',
  bzip2: '/usr/bin/bzip2',
  openssl: '/usr/bin/openssl',
  runc: '/usr/sbin/runc',
  // Brings the server as well, and starts none.
  'redis-tools': '/usr/bin/redis-check-rdb',
  'python3-docker': '/usr/lib/python3/dist-packages/docker/__init__.py',
};

/** Installs Debian packages that only tests need. */
export function provideTestPrograms(): void {
  const missing = Object.entries(testPackages).flatMap(([name, file]) => (existsSync(file) ? [] : [name]));
  if (missing.length === 0) return;
  console.log(`installing ${missing.join(' ')} for the tests (apt-get)`);
  must(['apt-get', 'update', '-qq'], '/');
  must(['apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...missing], '/');
}

/** Installs the clients from npm that `test/clients` drives. They are apart from the project's own packages. */
export function provideClientPackages(root: string): void {
  const folder = join(root, 'test/clients');
  const installed = join(folder, 'node_modules/.package-lock.json');
  const wanted = join(folder, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return;
  console.log('installing the packages of test/clients (npm ci)');
  must(['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund'], folder);
}
