import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, startEngine } from './harness/index.ts';
import { projectRoot } from './law/sources.ts';

test('one file, with nothing beside it, is engine, keeper, CLI, and under its name a docker CLI', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'estiba-built-'));
  try {
    const build = [process.execPath, join(projectRoot, 'tools/build.ts'), directory];
    expect(await run(build, { timeoutMs: 120_000 })).toMatchObject({ code: 0, stderr: '' });
    const program = join(directory, 'estiba');
    const docker = join(directory, 'docker');
    await using engine = await startEngine({ command: [program] });
    const ran = await engine.estiba('run', '--rm', 'busybox', 'sh', '-c', 'echo hello; exit 3');
    expect(ran).toEqual({ code: 3, stdout: 'hello\n', stderr: '' });
    const environment = { DOCKER_HOST: engine.host };
    const asDocker = await run([docker, 'run', '--rm', 'busybox', 'echo', 'hello'], { environment });
    expect(asDocker).toEqual({ code: 0, stdout: 'hello\n', stderr: '' });
    expect((await run([docker, '--help'])).stdout).toContain('docker');
    expect((await run([program, '--help'])).stdout).toContain('estiba');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}, 180_000);
