import { existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '#std/errors';
import { selfCommand } from '../self.ts';
import { type EngineSettings, engineHelp, readSettings } from './settings.ts';

const readyTimeoutMs = 30_000;
const pollMs = 20;

/** Whether an engine answers at a host. */
async function answers(host: string): Promise<boolean> {
  const isUnix = host.startsWith('unix://');
  const url = isUnix ? 'http://localhost/_ping' : `${host.replace(/^tcp:/, 'http:')}/_ping`;
  try {
    const response = await fetch(url, isUnix ? { unix: host.slice('unix://'.length) } : {});
    return response.ok;
  } catch {
    return false;
  }
}

/** Starts the engine as a process of its own, and returns when it answers, or has failed. */
async function detach(argv: readonly string[], settings: EngineSettings): Promise<number> {
  mkdirSync(settings.dataRoot, { recursive: true, mode: 0o711 });
  const logPath = join(settings.dataRoot, 'engine.log');
  const before = existsSync(logPath) ? readFileSync(logPath).length : 0;
  const output = openSync(logPath, 'a', 0o600);
  const command = [...selfCommand(), 'engine', ...argv.filter((word) => word !== '--detach' && word !== '-d')];
  const child = Bun.spawn(command, { stdio: ['ignore', output, output], detached: true });
  const deadline = Date.now() + readyTimeoutMs;
  const host = settings.hosts[0] ?? '';
  while (Date.now() < deadline && child.exitCode === null) {
    // The pid must be the child's: an engine that was there before may answer at the same host.
    if ((await answers(host)) && child.exitCode === null) {
      child.unref();
      console.log(`engine ${child.pid} serves ${settings.hosts.join(', ')}; its log is ${logPath}`);
      return 0;
    }
    await Bun.sleep(pollMs);
  }
  process.stderr.write(readFileSync(logPath).subarray(before));
  process.stderr.write(`estiba: the engine ${child.exitCode === null ? 'does not answer' : 'did not start'}\n`);
  if (child.exitCode === null) child.kill();
  return 1;
}

/** Entry of `estiba engine`. Returns the exit code, or undefined while the engine serves. */
export async function engineMain(argv: readonly string[]): Promise<number | undefined> {
  if (argv[0] === 'stop') return (await import('./stop.ts')).stopMain(argv.slice(1));
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(engineHelp);
    return 0;
  }
  let settings: EngineSettings;
  try {
    settings = readSettings(argv);
  } catch (error) {
    process.stderr.write(`estiba engine: ${messageOf(error)}\nSee 'estiba engine --help'.\n`);
    return 1;
  }
  if (settings.detach) return detach(argv, settings);
  return (await import('./serve.ts')).serve(settings);
}
