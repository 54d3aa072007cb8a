import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dockerCli, estibaCommand, type Ran, run } from '../../harness/index.ts';

/** One of the two command lines, with a home, a configuration and a working directory of its own. */
export interface Cli {
  /** Stands in the place of `@@` in lines: what one makes is not in the other's way. */
  readonly prefix: 'zqd' | 'zqe';
  /** Runs a line of shell in which `docker` is this command line; what differs by nature is taken out of what it says. */
  run(line: string): Promise<Ran>;
  dispose(): void;
}

/** The stock docker CLI's version, as `28.2.2`, and the API version that it speaks. */
export async function dockerVersion(host: string): Promise<{ version: string; api: string }> {
  const format = '{{.Client.Version}} {{.Client.APIVersion}}';
  const { stdout } = await run([dockerCli(), 'version', '--format', format], { environment: { DOCKER_HOST: host } });
  const [version = '', api = ''] = stdout.trim().split(' ');
  return { version, api };
}

const times = /(?:\d+|Less than a|About an?) (?:second|minute|hour)s?(?: ago)?/g;

/** Takes out IDs, times, ports of the engine's choice, and names that hold the prefix or the directory. */
function normalize(text: string, prefix: string, directory: string): string {
  let plain = text
    .replaceAll(directory, '<directory>')
    .replaceAll(prefix, '@@')
    .replace(/\b[0-9a-f]{64}\b/g, '<id>')
    .replace(/\b(?=[0-9a-f]*\d)[0-9a-f]{12}\b/g, '<short id>')
    .replace(/\/v1\.\d+\//g, '/v1/')
    .replace(/(127\.0\.0\.1|0\.0\.0\.0|\[::\]):\d{4,5}\b/g, '$1:<port>')
    .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?/g, '<time>')
    // The stock one also tells what became of its own writer when the engine's refusal came first.
    .replace(/^time="<time>Z" level=error .*\n/gm, '')
    // Docker 28.2 says "SRun" where it says "Run" elsewhere.
    .replace(/^SRun /gm, 'Run ');
  // With the times goes the width of their columns.
  if (times.test(plain)) plain = plain.replace(times, '<ago>').replace(/ {2,}/g, '  ');
  return plain;
}

/** Makes a command line ready against the engine at `host`. */
export function openCli(kind: 'docker' | 'estiba', host: string, api: string): Cli {
  const prefix = kind === 'docker' ? 'zqd' : 'zqe';
  const directory = mkdtempSync(join(tmpdir(), 'estiba-differential-'));
  for (const name of ['bin', 'home', 'work']) mkdirSync(join(directory, name));
  const program = join(directory, 'bin/docker');
  if (kind === 'docker') symlinkSync(dockerCli(), program);
  else {
    const words = estibaCommand().map((word) => `'${word}'`);
    writeFileSync(program, `#!/bin/sh\nESTIBA_INVOKED_AS=docker exec ${words.join(' ')} "$@"\n`);
    chmodSync(program, 0o755);
  }
  const environment = {
    PATH: `${join(directory, 'bin')}:${process.env.PATH ?? ''}`,
    HOME: join(directory, 'home'),
    DOCKER_CONFIG: join(directory, 'home/config'),
    DOCKER_HOST: host,
    // Ours would speak a newer version than the stock one knows.
    ...(kind === 'estiba' ? { DOCKER_API_VERSION: api } : {}),
    TZ: 'UTC',
  };
  return {
    prefix,
    run: async (line) => {
      const script = `cd ${directory}/work && ${line.replaceAll('@@', prefix)}`;
      const { code, stdout, stderr } = await run(['sh', '-c', script], { environment });
      return {
        code,
        stdout: normalize(stdout, prefix, directory),
        stderr: normalize(stderr, prefix, directory),
      };
    },
    dispose: () => rmSync(directory, { recursive: true, force: true }),
  };
}
