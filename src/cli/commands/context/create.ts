import { fail } from '#std/errors';
import {
  anyContext,
  checkContextName,
  contextExists,
  type GivenEndpoint,
  parseEndpointPairs,
  tlsBytes,
  writeContext,
} from '../../connection/context-store.ts';
import { contextTlsFiles } from '../../connection/contexts.ts';
import { defineCommand } from '../../grammar/command.ts';
import { text } from '../../grammar/flag.ts';
import { writeErr, writeOut } from '../../streams/text-output.ts';
import { endpointFlag } from './endpoint-flag.ts';
import { environmentHost } from './environment-host.ts';

/** What another context has as its docker endpoint. */
function copied(folder: string, from: string): GivenEndpoint {
  const { docker } = anyContext(folder, from, environmentHost()).Endpoints;
  return { endpoint: docker ?? {}, tls: tlsBytes(contextTlsFiles(folder, from)) };
}

/** `context create`: prints the name. */
export const contextCreate = defineCommand({
  usage: '[OPTIONS] CONTEXT',
  examples: [
    ['context create far --docker host=ssh://admin@far.example', 'Reach an engine over SSH'],
    ['context create safe --docker host=tcp://far:2376,ca=ca.pem,cert=cert.pem,key=key.pem', 'Reach one over TLS'],
  ],
  flags: {
    description: text('What the context is for'),
    docker: endpointFlag(),
    from: text('Context to copy', { completes: 'context' }),
  },
  args: { min: 1, max: 1 },
  async run({ flags, given, args, configFolder }) {
    const [name = ''] = args;
    checkContextName(name);
    if (contextExists(configFolder, name)) throw fail('invalid-argument', `context "${name}" already exists`);
    const from = flags.from || flags.docker.get('from');
    const source =
      from !== undefined
        ? copied(configFolder, from)
        : given.has('docker')
          ? parseEndpointPairs(flags.docker)
          : copied(configFolder, 'default');
    const { Host = '' } = source.endpoint;
    if (from === undefined && given.has('docker') && Host === '') {
      throw fail('invalid-argument', 'docker endpoint configuration is required');
    }
    const Metadata = flags.description === '' ? {} : { Description: flags.description };
    const endpoint = { Host, SkipTLSVerify: source.endpoint.SkipTLSVerify === true };
    writeContext(configFolder, { Name: name, Metadata, Endpoints: { docker: endpoint } }, source.tls);
    writeOut(`${name}\n`);
    writeErr(`Successfully created context "${name}"\n`);
    return 0;
  },
});
