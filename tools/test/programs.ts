import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
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

/** Installs programs that only tests call, and that a small Debian lacks. */
export function provideTestPrograms(): void {
  const packages = { xz: 'xz-utils', bzip2: 'bzip2' };
  const missing = Object.entries(packages).flatMap(([program, name]) => (Bun.which(program) === null ? [name] : []));
  if (missing.length === 0) return;
  console.log(`installing ${missing.join(' ')} for the tests (apt-get)`);
  must(['apt-get', 'update', '-qq'], '/');
  must(['apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...missing], '/');
}
