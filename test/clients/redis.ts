import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { busyboxTar, run, type TestEngine } from '../harness/index.ts';

/** Debian's `redis-tools` has the server too, by this name. */
const server = '/usr/bin/redis-check-rdb';

async function must(...command: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command);
  if (code !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
  return stdout;
}

/** Paths of the libraries that programs are linked with, and of their loader. */
async function libraries(...programs: readonly string[]): Promise<ReadonlySet<string>> {
  const lines = await must('ldd', ...programs);
  return new Set(lines.match(/(?<=\s)\/\S+(?= \()/g) ?? []);
}

/** Imports `redis:test` into an engine: Debian's Redis with a busybox around it, to be used like the official image. */
export async function importRedis(engine: TestEngine): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'estiba-redis-'));
  try {
    await must('tar', '-C', root, '-xf', busyboxTar());
    for (const path of [server, '/usr/bin/redis-cli', ...(await libraries(server, '/usr/bin/redis-cli'))]) {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      copyFileSync(path, join(root, path));
    }
    symlinkSync('redis-check-rdb', join(root, 'usr/bin/redis-server'));
    mkdirSync(join(root, 'data'));
    const tar = `${root}.tar`;
    await must('tar', '-C', root, '--numeric-owner', '-cf', tar, '.');
    const settings = ['WORKDIR /data', 'EXPOSE 6379', 'CMD ["redis-server"]'];
    await engine.dockerOk('import', ...settings.flatMap((line) => ['-c', line]), tar, 'redis:test');
    rmSync(tar);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
