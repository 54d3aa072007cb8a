import { defineCommand } from '#cli';
import { type LiveOptions, type Registry, type RegistryOptions, serveRegistry } from '#registry';
import { fail, messageOf } from '#std/errors';
import { log } from '#std/log';
import { serveMetrics } from '../metrics.ts';
import { surviveFaults } from '../survive.ts';
import { readAccess } from './settings/access.ts';
import { readCache } from './settings/cache.ts';
import { readGarbage, retainHelp } from './settings/garbage.ts';
import { settingFlags } from './settings/table.ts';
import { readValues, type Values } from './settings/values.ts';

function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
}

function rootOf(values: Values): string {
  const root = values.text('root');
  if (root !== undefined) return root;
  throw fail('invalid-argument', 'estiba registry serve: say where to store, with --root DIR');
}

function liveOptions(values: Values): LiveOptions {
  return { ...readAccess(values, rootOf(values)), retention: readGarbage(values).rules };
}

function optionsOf(values: Values): RegistryOptions {
  const { graceMs, uploadLifeMs } = readGarbage(values);
  const [cache, collectEveryMs] = [readCache(values), values.duration('gc-interval')];
  return {
    listen: values.text('listen') ?? '',
    root: rootOf(values),
    ...liveOptions(values),
    ...(cache !== undefined && { cache }),
    ...(collectEveryMs !== undefined && { collectEveryMs }),
    graceMs,
    uploadLifeMs,
  };
}

/** Reads the settings again at SIGHUP; wrong ones change nothing. */
function followHangups(registry: Registry, before: Values, read: () => Values): void {
  process.on('SIGHUP', () => {
    try {
      const values = read();
      registry.renew(liveOptions(values));
      const fixed = values.fixedChanges(before);
      if (fixed.length > 0) log('warn', 'these settings hold from the next start on', { settings: fixed.join(', ') });
      log('info', 'settings read again');
    } catch (error) {
      log('error', 'settings are as they were', { error: messageOf(error) });
    }
  });
}

/** `estiba registry serve`. */
export const serve = defineCommand({
  usage: '[OPTIONS]',
  description: `Speaks the OCI distribution protocol. SIGTERM and SIGINT end it when the requests that run have been answered, SIGHUP has it read its settings again. ${retainHelp}`,
  flags: settingFlags(),
  args: { min: 0, max: 0 },
  async run({ flags, given }) {
    const read = () => readValues(flags, given);
    const values = read();
    const options = optionsOf(values);
    surviveFaults();
    const registry = serveRegistry(options);
    followHangups(registry, values, read);
    const address = values.text('metrics-addr');
    const metrics =
      address === undefined ? undefined : await serveMetrics(address, new Date(), () => registry.metrics());
    log('info', 'registry ready', {
      pid: process.pid,
      url: registry.url,
      root: options.root,
      metrics: metrics?.address,
    });
    const signal = await stopSignal();
    log('info', 'registry stops', { signal });
    await Promise.all([registry.close(), metrics?.close()]);
    return 0;
  },
});
