import type { Events } from '#events';
import { messageOf } from '#std/errors';
import { configureLog, log } from '#std/log';
import { tellReloading, tellServiceManager } from './service-manager.ts';
import { type EngineSettings, readSettings } from './settings/read.ts';

/** The settings of this moment. */
export interface SettingsInForce {
  readonly current: EngineSettings;
}

/** What a reload may change; all else holds until the engine's next start. */
function takeReloadable(before: EngineSettings, read: EngineSettings): EngineSettings {
  return {
    ...before,
    logLevel: read.logLevel,
    logFormat: read.logFormat,
    labels: read.labels,
    liveRestore: read.liveRestore,
    shutdownTimeoutSeconds: read.shutdownTimeoutSeconds,
    containers: { ...before.containers, runtime: read.containers.runtime },
    runtimes: read.runtimes,
    registryMirrors: read.registryMirrors,
    mirrorsByRegistry: read.mirrorsByRegistry,
    ...(read.registryCertificates !== undefined && { registryCertificates: read.registryCertificates }),
    insecureRegistries: read.insecureRegistries,
    features: read.features,
    imageGc: read.imageGc,
    builderGc: read.builderGc,
    transfers: read.transfers,
  };
}

/** What Docker's `daemon reload` event tells of the settings. */
function attributesOf(settings: EngineSettings): Record<string, string> {
  const { containers, transfers, runtimes, features } = settings;
  const map = (record: object): string =>
    `map[${Object.entries(record)
      .map(([name, value]) => `${name}:${value}`)
      .join(' ')}]`;
  return {
    debug: String(settings.logLevel === 'debug'),
    'default-ipc-mode': containers.ipcMode ?? 'private',
    'default-runtime': containers.runtime ?? 'crun',
    'default-shm-size': String(containers.shmBytes ?? 64 * 1024 * 1024),
    features: map(features),
    'insecure-registries': JSON.stringify(settings.insecureRegistries),
    labels: JSON.stringify(settings.labels),
    'live-restore': String(settings.liveRestore),
    'max-concurrent-downloads': String(transfers.downloads),
    'max-concurrent-uploads': String(transfers.uploads),
    'max-download-attempts': String(transfers.attempts),
    'registry-mirrors': JSON.stringify(settings.registryMirrors),
    runtimes: ['crun', ...Object.entries(runtimes).map(([name, { path }]) => `${name}:${path}`)].join(' '),
    'shutdown-timeout': String(settings.shutdownTimeoutSeconds),
  };
}

/** Holds the settings, and reads them again from where they came when it is asked to. */
export function createSettingsInForce(first: EngineSettings, argv: readonly string[]) {
  let current = first;
  return {
    get current() {
      return current;
    },
    /** Settings that cannot be read, or contradict themselves, leave all as it was, and are logged. */
    reload(events: Pick<Events, 'publish'>, engine: { readonly id: string; readonly hostname: string }): void {
      tellReloading();
      try {
        current = takeReloadable(current, readSettings(argv));
        configureLog({ level: current.logLevel, format: current.logFormat });
        log('info', 'settings read again', { file: current.configFile ?? 'none' });
        const attributes = { ...attributesOf(current), name: engine.hostname };
        events.publish({ type: 'daemon', action: 'reload', id: engine.id, attributes });
      } catch (error) {
        log('error', 'settings not read again: the old ones hold', { error: messageOf(error) });
      }
      tellServiceManager('READY=1');
    },
  };
}
