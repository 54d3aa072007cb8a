import type { ConnectionOptions } from '../connection/resolve.ts';
import { type FlagValues, list, text, toggle } from './flag.ts';

/** What `--log-level` may be. */
export const logLevels = ['debug', 'info', 'warn', 'error', 'fatal'];

/** The flags before the command. */
export const globalFlags = {
  config: text('Folder of the client configuration', { completes: 'directory' }),
  context: text('Name of the context whose engine to speak to', { short: 'c', completes: 'context' }),
  debug: toggle('More detail when something fails', { short: 'D' }),
  host: list('Engine to speak to (unix:///path, tcp://host:port, ssh://user@host)', { short: 'H' }),
  'log-level': text('Level of logging', { short: 'l', initial: 'info', shownDefault: '"info"', completes: logLevels }),
  tls: toggle('Use TLS; implied by --tlsverify'),
  tlsverify: toggle('Use TLS and verify the engine'),
  tlscacert: text('Certificates to trust', { completes: 'file' }),
  tlscert: text('Our certificate', { completes: 'file' }),
  tlskey: text('Our key', { completes: 'file' }),
  version: toggle('Print the version and end', { short: 'v' }),
};

/** What these flags say of the engine that is meant. */
export function connectionOptions(values: FlagValues<typeof globalFlags>): ConnectionOptions {
  const { host, context, config, tls, tlsverify, tlscacert, tlscert, tlskey } = values;
  return {
    hosts: host,
    context,
    configFolder: config,
    tls: { use: tls || tlsverify, verify: tlsverify, ca: tlscacert, cert: tlscert, key: tlskey },
  };
}
