import { defineCommand, text } from '#cli';
import { serveRegistry } from '#registry';
import { fail } from '#std/errors';
import { log } from '#std/log';
import { serveMetrics } from '../metrics.ts';
import { surviveFaults } from '../survive.ts';
import { accessFlags, readAccessFlags } from './access-flags.ts';
import { cacheFlags, readCacheFlags } from './cache-flags.ts';
import { durationMs, garbageFlags, readGarbageFlags, retainHelp } from './garbage-flags.ts';

function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
}

/** `estiba registry serve`. */
export const serve = defineCommand({
  usage: '[OPTIONS]',
  description: `Speaks the OCI distribution protocol. SIGTERM and SIGINT end it when the requests that run have been answered. ${retainHelp}`,
  flags: {
    listen: text('Address to serve at', {
      type: 'HOST:PORT',
      initial: '127.0.0.1:5000',
      shownDefault: '127.0.0.1:5000',
    }),
    root: text('Directory of all that is stored', { type: 'DIR', completes: 'directory' }),
    'metrics-addr': text('Serve metrics for Prometheus at this address', { type: 'IP:PORT' }),
    ...accessFlags,
    ...cacheFlags,
    ...garbageFlags,
    'gc-interval': text('How often garbage is collected; 0 for never', {
      type: 'DURATION',
      initial: '6h',
      shownDefault: '6h',
    }),
  },
  args: { min: 0, max: 0 },
  async run({ flags }) {
    if (flags.root === '') throw fail('invalid-argument', 'estiba registry serve: say where to store, with --root DIR');
    const { rules, graceMs, uploadLifeMs } = readGarbageFlags(flags);
    const guarded = readAccessFlags(flags);
    const cache = readCacheFlags(flags);
    surviveFaults();
    const registry = serveRegistry({
      listen: flags.listen,
      root: flags.root,
      ...guarded,
      ...(cache !== undefined && { cache }),
      graceMs,
      uploadLifeMs,
      retention: rules,
      collectEveryMs: durationMs('gc-interval', flags['gc-interval']),
    });
    const metrics =
      flags['metrics-addr'] === ''
        ? undefined
        : await serveMetrics(flags['metrics-addr'], new Date(), () => registry.metrics());
    log('info', 'registry ready', { pid: process.pid, url: registry.url, root: flags.root, metrics: metrics?.address });
    const signal = await stopSignal();
    log('info', 'registry stops', { signal });
    await Promise.all([registry.close(), metrics?.close()]);
    return 0;
  },
});
