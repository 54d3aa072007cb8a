import { existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { parseHost, readTls } from '#http';
import { fail, messageOf } from '#std/errors';
import { selfCommand } from '../self.ts';
import { engineHelp } from './settings/help.ts';
import { type EngineSettings, readSettings } from './settings/read.ts';

const readyTimeoutMs = 30_000;
const pollMs = 20;

/** Whether an engine takes connections at a host: over TLS nothing more can be asked without a certificate. */
function answers(host: string, isSecure: boolean): Promise<boolean> {
  const place = parseHost(host);
  if (place.kind === 'descriptor') return Promise.resolve(false);
  const options =
    place.kind === 'unix' ? { path: place.path } : { host: place.host, port: place.port ?? (isSecure ? 2376 : 2375) };
  return new Promise((resolve) => {
    const socket = connect(options);
    const tell = (answer: boolean) => () => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', tell(true)).once('error', tell(false));
  });
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
    if ((await answers(host, settings.tls !== undefined)) && child.exitCode === null) {
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

/** Entry of `estiba engine`. Returns the exit code, at the engine's end. */
export async function engineMain(argv: readonly string[]): Promise<number> {
  if (argv[0] === 'stop') return (await import('./stop.ts')).stopMain(argv.slice(1));
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(engineHelp());
    return 0;
  }
  let settings: EngineSettings;
  try {
    settings = readSettings(argv);
    if (settings.tls !== undefined) readTls(settings.tls);
    if (settings.detach && settings.hosts.some((host) => parseHost(host).kind === 'descriptor')) {
      throw fail('invalid-argument', 'fd:// takes sockets from a service manager, and then --detach has no place');
    }
  } catch (error) {
    process.stderr.write(`estiba engine: ${messageOf(error)}\nSee 'estiba engine --help'.\n`);
    return 1;
  }
  if (settings.validate) {
    process.stderr.write('configuration OK\n');
    return 0;
  }
  if (settings.detach) return detach(argv, settings);
  return (await import('./serve.ts')).serve(settings, argv);
}
