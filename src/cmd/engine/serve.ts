import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { checkLogConfig, containerPaths } from '#containers';
import { checkFree, readTls } from '#http';
import { enterPrivateMounts, releasePrivateMounts } from '#linux/namespaces';
import { messageOf } from '#std/errors';
import { configureLog, log } from '#std/log';
import { surviveFaults } from '../survive.ts';
import { openEngine } from './open.ts';
import { createSettingsInForce } from './reload.ts';
import { claimRoots, disownExecRoot } from './roots.ts';
import { releaseRuntime } from './runtime.ts';
import { takeHandedSockets, tellServiceManager } from './service-manager.ts';
import type { EngineSettings } from './settings/read.ts';

const defaultExecRoot = '/run/estiba';

/** The cgroup below which this engine's containers are: each engine of a host has its own. */
function cgroupParentOf({ execRoot, cgroupParent }: EngineSettings): string {
  if (cgroupParent !== undefined) return cgroupParent;
  if (execRoot === defaultExecRoot) return 'estiba';
  return `estiba-${createHash('sha256').update(execRoot).digest('hex').slice(0, 12)}`;
}

/** What dockerd does too: whatever reaches out of this process takes the settings' proxies. */
function useProxies({ proxies }: EngineSettings): void {
  const variables = { 'http-proxy': 'HTTP_PROXY', 'https-proxy': 'HTTPS_PROXY', 'no-proxy': 'NO_PROXY' };
  for (const [name, variable] of Object.entries(variables)) {
    const value = proxies[name];
    if (value !== undefined) process.env[variable] = value;
  }
}

async function checkPlaces({ hosts, tls, metricsAddress }: EngineSettings): Promise<void> {
  const options = tls === undefined ? {} : { tls: readTls(tls) };
  const others = metricsAddress === undefined ? [] : [`tcp://${metricsAddress}`];
  await Promise.all([...hosts, ...others].map((host) => checkFree(host, options)));
}

/** Ends what is open; returns the exit code. */
async function end(engine: Awaited<ReturnType<typeof openEngine>>, settings: EngineSettings, all: boolean) {
  const { execRoot, pidFile, dataRoot } = settings;
  log('info', 'engine stops', { containers: all ? 'stopped' : 'go on' });
  tellServiceManager('STOPPING=1');
  let code = 0;
  try {
    await engine.close(all);
    if (all) {
      releaseRuntime(execRoot);
      disownExecRoot(execRoot);
      releasePrivateMounts(execRoot);
    }
  } catch (error) {
    log('error', 'the engine stopped, but not cleanly', { error: messageOf(error) });
    code = 1;
  }
  if (pidFile !== undefined) rmSync(pidFile, { force: true });
  log('info', 'engine stopped', { name: basename(dataRoot) });
  return code;
}

/** Runs the engine until it is told to stop; `argv` is what the settings came from, and come from again at SIGHUP. */
export async function serve(settings: EngineSettings, argv: readonly string[]): Promise<number> {
  configureLog({ level: settings.logLevel, format: settings.logFormat });
  const { dataRoot, execRoot } = settings;
  try {
    // Else every creation of a container would fail by it.
    checkLogConfig({ Type: settings.containers.logDriver, Config: { ...settings.logOptions } });
    claimRoots(dataRoot, execRoot);
    // While nothing has been made that would have to be taken down.
    await checkPlaces(settings);
  } catch (error) {
    process.stderr.write(`estiba engine: ${messageOf(error)}\n`);
    return 1;
  }
  // Replaces this program by itself the first time, where the host's mounts have to be left; the claim is then renewed.
  enterPrivateMounts(execRoot);
  // Before any child is started, which they are not for.
  const handed = takeHandedSockets();
  surviveFaults();
  useProxies(settings);
  const inForce = createSettingsInForce(settings, argv);
  const paths = containerPaths(dataRoot, execRoot, cgroupParentOf(settings));
  const stop = Promise.withResolvers<boolean>();
  const obey = () => stop.resolve(!inForce.current.liveRestore);
  process.once('SIGTERM', obey);
  process.once('SIGINT', obey);
  let reload = (): void => undefined;
  process.on('SIGHUP', () => reload());
  let engine: Awaited<ReturnType<typeof openEngine>>;
  try {
    engine = await openEngine(inForce, paths, handed, (all) => stop.resolve(all));
  } catch (error) {
    log('error', 'the engine could not start', { error: messageOf(error) });
    return 1;
  }
  const { events, system } = engine;
  reload = () => {
    inForce.reload(events, { id: system.id, hostname: system.host.name });
    engine.settingsChanged();
  };
  if (settings.pidFile !== undefined) writeFileSync(settings.pidFile, `${process.pid}\n`);
  log('info', 'engine ready', {
    pid: process.pid,
    keeper: engine.keeperPid,
    data: dataRoot,
    hosts: engine.addresses.join(' '),
  });
  tellServiceManager('READY=1');
  return end(engine, settings, await stop.promise);
}
