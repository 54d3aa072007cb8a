import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs a script of this directory as a host of its own, and returns what it has written to the file named by its argument. */
export async function runScenario<T>(script: string): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'scenario-'));
  try {
    const results = join(directory, 'results.json');
    const command = ['unshare', '--net', process.execPath, join(import.meta.dir, script), results];
    const child = Bun.spawn(command, { stdio: ['ignore', 'ignore', 'inherit'] });
    const code = await child.exited;
    if (code !== 0) throw new Error(`${script} exited ${code}`);
    return JSON.parse(readFileSync(results, 'utf8')) as T;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
