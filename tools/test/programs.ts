import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

function must(command: readonly string[], directory: string): void {
  const { exitCode, stderr } = Bun.spawnSync([...command], { cwd: directory, stderr: 'pipe' });
  if (exitCode !== 0) throw new Error(`${command.join(' ')}: ${stderr.toString()}`);
}

/**
 * Path of one program of a Debian package: `preset`, one on PATH, or the package's, unpacked into the project's cache. Nothing
 * is installed: the package would bring and start a daemon.
 */
function provideUnpacked(root: string, name: string, from: { package: string; preset: string | undefined }): string {
  const cache = join(root, 'node_modules/.cache', from.package === name ? name : `${name}-cli`);
  const fetched = join(cache, 'usr/bin', name);
  const found = from.preset ?? Bun.which(name) ?? (existsSync(fetched) ? fetched : undefined);
  if (found !== undefined) return found;
  console.log(`fetching ${name} for the tests (apt-get download ${from.package})`);
  const scratch = mkdtempSync(join(tmpdir(), 'estiba-unpacked-'));
  try {
    must(['apt-get', 'update', '-qq'], scratch);
    must(['apt-get', '-o', 'APT::Sandbox::User=root', 'download', '-qq', from.package], scratch);
    const [debian] = [...new Bun.Glob(`${from.package}_*.deb`).scanSync(scratch)];
    if (debian === undefined) throw new Error(`apt-get download brought no ${from.package} package`);
    mkdirSync(cache, { recursive: true });
    const unpack = 'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" "./usr/bin/$3"';
    must(['sh', '-c', unpack, 'sh', debian, cache, name], scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return fetched;
}

/** Path of a stock docker CLI for the tests. */
export function provideDockerCli(root: string): string {
  return provideUnpacked(root, 'docker', { package: 'docker.io', preset: process.env.DOCKER_CLI });
}

/** Path of Debian's registry for the tests. */
export function provideDockerRegistry(root: string): string {
  return provideUnpacked(root, 'docker-registry', { package: 'docker-registry', preset: process.env.DOCKER_REGISTRY });
}

/** What only tests call and a small Debian lacks: the package, and the file that tells that it is there. */
const testPackages = {
  'xz-utils': '/usr/bin/xz',
  bzip2: '/usr/bin/bzip2',
  openssl: '/usr/bin/openssl',
  runc: '/usr/sbin/runc',
  // Brings the server as well, and starts none.
  'redis-tools': '/usr/bin/redis-check-rdb',
  skopeo: '/usr/bin/skopeo',
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
