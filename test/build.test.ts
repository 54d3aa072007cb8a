import { expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allSettings } from '../src/cmd/engine/settings/table.ts';
import { run, startEngine } from './harness/index.ts';
import { projectRoot } from './law/sources.ts';

/** The man pages tell the engine's flags and the CLI's; where there is groff it has no complaint. */
async function expectManual(folder: string): Promise<void> {
  const page = (name: string): string => readFileSync(join(folder, 'man1', `${name}.1`), 'utf8');
  expect(page('estiba-run')).toContain('estiba-container-run.1');
  expect(page('estiba-container-run')).toContain('\\-\\-health\\-on\\-failure');
  for (const { flag } of allSettings) {
    if (flag !== undefined) expect(page('estiba-engine')).toContain(`--${flag}`.replaceAll('-', '\\-'));
  }
  const groff = Bun.which('groff');
  if (groff === null) return;
  const pages = readdirSync(join(folder, 'man1')).map((name) => join('man1', name));
  const set = await run([groff, '-man', '-Tutf8', '-ww', '-z', ...pages], { directory: folder });
  expect(set).toEqual({ code: 0, stdout: '', stderr: '' });
}

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
    // Neither code nor variables come from files of the directory that it is called in.
    writeFileSync(join(directory, 'bunfig.toml'), 'preload = ["./preload.ts"]\n');
    writeFileSync(join(directory, 'preload.ts'), 'process.stdout.write("taken over\\n"); process.exit(66);\n');
    writeFileSync(join(directory, '.env'), 'DOCKER_HOST=unix:///nowhere\n');
    const there = await run([docker, 'version'], { environment, directory });
    expect([there.code, there.stdout.includes('taken over')]).toEqual([0, false]);
    const unset = await run([program, 'ps'], { environment: { DOCKER_HOST: undefined }, directory });
    expect(unset.stderr).not.toContain('nowhere');
    await expectManual(join(directory, 'man'));
    expect((await run([docker, '--help'])).stdout).toContain('docker');
    expect((await run([program, '--help'])).stdout).toContain('estiba');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}, 180_000);
