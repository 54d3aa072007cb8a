import { afterAll, beforeAll, expect, test } from 'bun:test';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './harness/index.ts';
import { projectRoot } from './law/sources.ts';

// A project around the launcher whose program tells how it was started.
let project: string;
const told = (what: string, name: string, ...args: string[]): string => `${what} ${name} ${args.join(' ')}\n`;

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'estiba-launcher-'));
  for (const folder of ['bin', 'tools']) cpSync(join(projectRoot, folder), join(project, folder), { recursive: true });
  cpSync(join(projectRoot, 'package-lock.json'), join(project, 'package-lock.json'), { preserveTimestamps: true });
  symlinkSync(join(projectRoot, 'node_modules'), join(project, 'node_modules'));
  mkdirSync(join(project, 'src/cmd'), { recursive: true });
  const source = "console.log('source', process.env.ESTIBA_INVOKED_AS, process.argv.slice(2).join(' '));";
  writeFileSync(join(project, 'src/cmd/main.ts'), source);
});
afterAll(() => {
  rmSync(project, { recursive: true, force: true });
});

function compile(secondsFromNow: number): void {
  const compiled = join(project, 'dist/estiba');
  mkdirSync(join(project, 'dist'), { recursive: true });
  writeFileSync(compiled, '#!/bin/sh\necho compiled "$ESTIBA_INVOKED_AS" "$@"\n', { mode: 0o755 });
  const time = Date.now() / 1000 + secondsFromNow;
  utimesSync(compiled, time, time);
}

test('where nothing is missing it starts no program but Bun', async () => {
  const { code, stdout } = await run([join(project, 'bin/estiba'), 'a', 'b c'], { environment: { PATH: '/nowhere' } });
  expect({ code, stdout }).toEqual({ code: 0, stdout: told('source', 'estiba', 'a', 'b c') });
});

test('through a link it finds the project, and tells the name of the link', async () => {
  const link = join(project, 'docker');
  symlinkSync('bin/estiba', link);
  expect((await run([link, 'ps'])).stdout).toBe(told('source', 'docker', 'ps'));
});

test('the compiled file is taken where it is newer than every source, and only then', async () => {
  compile(60);
  expect((await run([join(project, 'bin/estiba'), 'x'])).stdout).toBe(told('compiled', 'estiba', 'x'));
  compile(-3600);
  expect((await run([join(project, 'bin/estiba'), 'x'])).stdout).toBe(told('source', 'estiba', 'x'));
});

test('an exit code comes through', async () => {
  writeFileSync(join(project, 'src/cmd/main.ts'), 'process.exit(42);');
  expect((await run([join(project, 'bin/estiba')])).code).toBe(42);
});

test('neither code nor variables come from files of the present directory', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'estiba-elsewhere-'));
  writeFileSync(join(directory, 'bunfig.toml'), 'preload = ["./preload.ts"]\n');
  writeFileSync(join(directory, 'preload.ts'), 'process.exit(66);\n');
  writeFileSync(join(directory, '.env'), 'ESTIBA_PLANTED=1\n');
  const source = "console.log(process.env.ESTIBA_PLANTED, process.execArgv.includes('--no-env-file'));";
  writeFileSync(join(project, 'src/cmd/main.ts'), source);
  const { code, stdout } = await run([join(project, 'bin/estiba')], { directory });
  rmSync(directory, { recursive: true });
  expect([code, stdout]).toEqual([0, 'undefined true\n']);
});
