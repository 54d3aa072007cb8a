import { busyboxTar, dockerCli, run } from '../test/harness/index.ts';

/** An engine that is measured. */
export interface Host {
  /** As in DOCKER_HOST. */
  readonly address: string;
  readonly title: string;
  readonly isEstiba: boolean;
  /** First of a thousand ports that no other host of the run publishes on. */
  readonly firstPort: number;
}

/** Milliseconds that a program took; throws when it fails. */
export async function timed(command: readonly string[], host: Host): Promise<number> {
  const startedAt = performance.now();
  const child = Bun.spawn([...command], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, DOCKER_HOST: host.address },
    timeout: 120_000,
  });
  await child.exited;
  const tookMs = performance.now() - startedAt;
  if (child.exitCode !== 0) throw new Error(`${command.join(' ')} on ${host.title}: ${await child.stderr.text()}`);
  return tookMs;
}

/** Runs a docker command on a host; its failure is no error here. */
export function docker(host: Host, ...args: readonly string[]): ReturnType<typeof run> {
  return run([dockerCli(), ...args], { environment: { DOCKER_HOST: host.address }, timeoutMs: 300_000 });
}

/** Asks an engine who it is, and gives it the image that all cases run. */
export async function openHost(address: string, index: number): Promise<Host> {
  const version = await run([dockerCli(), 'version', '--format', '{{json .Server}}'], {
    environment: { DOCKER_HOST: address },
  });
  if (version.code !== 0) throw new Error(`no engine answers at ${address}: ${version.stderr}`);
  const server = JSON.parse(version.stdout) as { Platform?: { Name: string }; Version: string };
  const isEstiba = /estiba/i.test(version.stdout);
  const host = {
    address,
    isEstiba,
    firstPort: 21_000 + 1000 * index,
    title: `${isEstiba ? 'Estiba' : 'Docker'} ${server.Version.replace(/\+.*/, '')}`,
  };
  if ((await docker(host, 'image', 'inspect', 'busybox:latest')).code !== 0) {
    const imported = await docker(host, 'import', '--change', 'CMD ["sh"]', busyboxTar(), 'busybox:latest');
    if (imported.code !== 0) throw new Error(imported.stderr);
  }
  return host;
}
