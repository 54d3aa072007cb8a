/**
 * `npm test`: every check there is, as root. Ends with `N passed, N failed`; type check and lint count as one each.
 * Test files run two at a time, so each must keep to itself. Arguments name test files or folders, and then nothing else runs.
 */
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readJunit, type Tally } from './junit.ts';
import {
  provideBuildx,
  provideClientPackages,
  provideDockerCli,
  provideDockerRegistry,
  provideOldDockerCli,
  provideTestPrograms,
} from './programs.ts';

const root = join(import.meta.dir, '../..');
/** All together stay below ten minutes; what is still at work then has failed. */
const deadline = Date.now() + 9.5 * 60_000;
const scratch = mkdtempSync(join(tmpdir(), 'estiba-check-'));
/** Lines of tests that failed, said again at the end: what was said of each is far above by then. */
const failures: string[] = [];

/** Runs a program to its end and then shows, in one piece, what it said: two are at work at once. */
async function execute(command: readonly string[], environment: Record<string, string | undefined>): Promise<boolean> {
  const said = join(scratch, `${crypto.randomUUID()}.log`);
  const output = openSync(said, 'w');
  const child = Bun.spawn([...command], {
    cwd: root,
    stdio: ['ignore', output, output],
    env: environment,
    timeout: Math.max(1000, deadline - Date.now()),
    killSignal: 'SIGKILL',
  });
  await child.exited;
  closeSync(output);
  const text = readFileSync(said, 'utf8');
  process.stdout.write(text);
  failures.push(...text.split('\n').filter((line) => line.startsWith('(fail)')));
  return child.exitCode === 0;
}

/** Where the programs of other packages are; looked for once, and not before each file. */
let found: Record<string, string> | undefined;
function programs(): Record<string, string> {
  found ??= {
    BUILDX: provideBuildx(root),
    DOCKER_CLI: provideDockerCli(root),
    DOCKER_REGISTRY: provideDockerRegistry(root),
    OLD_DOCKER_CLI: provideOldDockerCli(root),
  };
  return found;
}

async function check(name: string, ...command: readonly string[]): Promise<Tally> {
  const passed = await execute(command, process.env);
  console.log(`${passed ? 'passed' : 'FAILED'}: ${name}`);
  return passed ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

async function test(paths: readonly string[]): Promise<Tally> {
  const startedAt = Date.now();
  const report = join(scratch, `${paths.join('-').replaceAll('/', '_')}.xml`);
  const command = [process.execPath, 'test', '--timeout', '60000', '--reporter=junit', `--reporter-outfile=${report}`];
  const passed = await execute([...command, ...paths], {
    ...process.env,
    ...programs(),
  });
  const tally = existsSync(report) ? readJunit(readFileSync(report, 'utf8')) : { passed: 0, failed: 0 };
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  if (passed || tally.failed > 0) {
    console.log(`${passed ? 'passed' : 'FAILED'}: ${paths.join(' ')} (${seconds} s)`);
    return tally;
  }
  console.log(`FAILED: ${paths.join(' ')} ended badly, outside of its tests (${seconds} s)`);
  return { ...tally, failed: 1 };
}

/** Runs jobs to their end, `width` at a time, in their order. */
async function inParallel<T>(jobs: readonly (() => Promise<T>)[], width: number): Promise<T[]> {
  const results: T[] = [];
  const waiting = [...jobs];
  const worker = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) results.push(await job());
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}

if (process.getuid?.() !== 0) {
  console.error('the tests run real containers, so they need root');
  process.exit(1);
}
provideTestPrograms();
provideClientPackages(root);
// The largest first, as they tend to take longest: the last to end should be a short one.
const endToEnd = [...new Bun.Glob('test/**/*.test.ts').scanSync(root)]
  .filter((path) => !path.includes('/node_modules/'))
  .sort((a, b) => statSync(join(root, b)).size - statSync(join(root, a)).size)
  .map((path) => `./${path}`);
const named = process.argv.slice(2);
const jobs =
  named.length > 0
    ? [() => test(named)]
    : [
        () => check('type check', 'node_modules/.bin/tsc', '--noEmit'),
        () => check('lint', 'node_modules/.bin/biome', 'check', '--error-on-warnings', '.'),
        () => test(['./src']),
        // Each file by itself: one that crashes or hangs does not take the others' results with it.
        ...endToEnd.map((file) => () => test([file])),
      ];
const tallies = await inParallel(jobs, 2);
for (const line of failures) console.log(line);
rmSync(scratch, { recursive: true, force: true });
const passed = tallies.reduce((sum, tally) => sum + tally.passed, 0);
const failed = tallies.reduce((sum, tally) => sum + tally.failed, 0);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
