/**
 * `npm test`: every check there is, as root. Ends with `N passed, N failed`; type check and lint count as one each.
 * Arguments name test files or folders, and then nothing else runs.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readJunit, type Tally } from './junit.ts';
import { provideDockerCli, provideTestPrograms } from './programs.ts';

const root = join(import.meta.dir, '../..');
/** All together stay below ten minutes; what is still at work then has failed. */
const deadline = Date.now() + 9.5 * 60_000;
const scratch = mkdtempSync(join(tmpdir(), 'estiba-check-'));

async function execute(command: readonly string[], environment: Record<string, string | undefined>): Promise<boolean> {
  const child = Bun.spawn([...command], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: environment,
    timeout: Math.max(1000, deadline - Date.now()),
    killSignal: 'SIGKILL',
  });
  await child.exited;
  return child.exitCode === 0;
}

async function check(name: string, ...command: readonly string[]): Promise<Tally> {
  const passed = await execute(command, process.env);
  console.log(`${passed ? 'passed' : 'FAILED'}: ${name}`);
  return passed ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

async function test(paths: readonly string[]): Promise<Tally> {
  const report = join(scratch, `${paths.join('-').replaceAll('/', '_')}.xml`);
  const command = [process.execPath, 'test', '--timeout', '60000', '--reporter=junit', `--reporter-outfile=${report}`];
  const passed = await execute([...command, ...paths], {
    ...process.env,
    DOCKER_CLI: provideDockerCli(root),
  });
  const tally = existsSync(report) ? readJunit(readFileSync(report, 'utf8')) : { passed: 0, failed: 0 };
  // A crash, or an error outside of any test, is in no report.
  return passed || tally.failed > 0 ? tally : { ...tally, failed: 1 };
}

/** Applies an action to every item, one after the other. */
async function each<T, R>(items: readonly T[], action: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await action(item));
  return results;
}

if (process.getuid?.() !== 0) {
  console.error('the tests run real containers, so they need root');
  process.exit(1);
}
provideTestPrograms();
const endToEnd = [...new Bun.Glob('test/**/*.test.ts').scanSync(root)].sort().map((path) => `./${path}`);
const named = process.argv.slice(2);
const tallies: Tally[] =
  named.length > 0
    ? [await test(named)]
    : [
        await check('type check', 'node_modules/.bin/tsc', '--noEmit'),
        await check('lint', 'node_modules/.bin/biome', 'check', '--error-on-warnings', '.'),
        await test(['./src']),
        // Each file by itself: one that crashes or hangs does not take the others' results with it.
        ...(await each(endToEnd, (file) => test([file]))),
      ];
rmSync(scratch, { recursive: true, force: true });
const passed = tallies.reduce((sum, tally) => sum + tally.passed, 0);
const failed = tallies.reduce((sum, tally) => sum + tally.failed, 0);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
