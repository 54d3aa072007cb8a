import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { mirrorOf, readAptSources } from '../../src/cli/bootstrap/apt-sources.ts';

function must(command: readonly string[], directory: string): void {
  const { exitCode, stderr } = Bun.spawnSync([...command], { cwd: directory, stderr: 'pipe' });
  if (exitCode !== 0) throw new Error(`${command.join(' ')}: ${stderr.toString()}`);
}

/** A program out of a Debian package of which nothing else is wanted: the package would bring and start a daemon. */
interface Unpacked {
  readonly package: string;
  /** Below the package's root. */
  readonly path: string;
  /** Release of Debian that has it, where this machine's own has not. */
  readonly release?: string;
  /** Name of its directory in the cache, where another release's is kept too. */
  readonly cacheName?: string;
  /** Where it is, if somebody said so. */
  readonly preset: string | undefined;
}

/** Options that have apt look at another release alone, with lists of its own; what this machine has stays as it is. */
function ofRelease(release: string, scratch: string): string[] {
  const mirror = mirrorOf(release, readAptSources());
  if (mirror === undefined) throw new Error('apt is configured with no mirror of Debian');
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  for (const place of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(scratch, place), { recursive: true });
  writeFileSync(join(scratch, 'sources.list'), `deb [signed-by=${keyring}] ${mirror} ${release} main\n`);
  const settings = {
    'Dir::Etc::sourcelist': join(scratch, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State::lists': join(scratch, 'lists'),
    'Dir::Cache': join(scratch, 'cache'),
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/** Path of one program of a Debian package: preset, one on PATH, or the package's, unpacked into the project's cache. */
function provideUnpacked(root: string, from: Unpacked): string {
  const name = basename(from.path);
  const cacheName = from.cacheName ?? (from.package === name ? name : `${name}-cli`);
  const cache = join(root, 'node_modules/.cache', cacheName);
  const fetched = join(cache, from.path);
  const installed = from.release === undefined ? Bun.which(name) : null;
  const found = from.preset ?? installed ?? (existsSync(fetched) ? fetched : undefined);
  if (found !== undefined) return found;
  console.log(`fetching ${name} for the tests (apt-get download ${from.package})`);
  const scratch = mkdtempSync(join(tmpdir(), 'estiba-unpacked-'));
  try {
    const options = from.release === undefined ? [] : ofRelease(from.release, scratch);
    must(['apt-get', ...options, 'update', '-qq'], scratch);
    must(['apt-get', ...options, '-o', 'APT::Sandbox::User=root', 'download', '-qq', from.package], scratch);
    const [debian] = [...new Bun.Glob(`${from.package}_*.deb`).scanSync(scratch)];
    if (debian === undefined) throw new Error(`apt-get download brought no ${from.package} package`);
    mkdirSync(cache, { recursive: true });
    const unpack = 'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" "./$3"';
    must(['sh', '-c', unpack, 'sh', debian, cache, from.path], scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return fetched;
}

/** Path of a stock docker CLI for the tests. */
export function provideDockerCli(root: string): string {
  return provideUnpacked(root, { package: 'docker.io', path: 'usr/bin/docker', preset: process.env.DOCKER_CLI });
}

/** Path of a docker CLI that speaks BuildKit without a plugin, as Debian 12's does: the usual one where that is so old. */
export function provideOldDockerCli(root: string): string {
  const usual = provideDockerCli(root);
  const version = Bun.spawnSync([usual, '--version']).stdout.toString();
  if (version.startsWith('Docker version 20.')) return usual;
  const from = { package: 'docker.io', path: 'usr/bin/docker', release: 'bookworm', cacheName: 'docker-cli-bookworm' };
  return provideUnpacked(root, { ...from, preset: process.env.OLD_DOCKER_CLI });
}

/** Path of Debian's registry for the tests. */
export function provideDockerRegistry(root: string): string {
  const preset = process.env.DOCKER_REGISTRY;
  return provideUnpacked(root, { package: 'docker-registry', path: 'usr/bin/docker-registry', preset });
}

/** Where Debian has the plugins of the docker CLI, and the first stable release that has these two. */
const plugins = 'usr/libexec/docker/cli-plugins';
const pluginRelease = 'trixie';

/** Path of a stock buildx for the tests: the plugin, which is a program by itself too. */
export function provideBuildx(root: string): string {
  const path = `${plugins}/docker-buildx`;
  return provideUnpacked(root, { package: 'docker-buildx', path, release: pluginRelease, preset: process.env.BUILDX });
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
  git: '/usr/bin/git',
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
