import { fail } from '#std/errors';
import { parseEndpointPairs, tlsBytes, writeContext } from '../../connection/context-store.ts';
import { contextTlsFiles, readContext } from '../../connection/contexts.ts';
import { defineCommand } from '../../grammar/command.ts';
import { text } from '../../grammar/flag.ts';
import { writeErr, writeOut } from '../../streams/text-output.ts';
import { endpointFlag } from './endpoint-flag.ts';

/** `context update`: prints the name. */
export const contextUpdate = defineCommand({
  usage: '[OPTIONS] CONTEXT',
  flags: { description: text('What the context is for'), docker: endpointFlag() },
  args: { min: 1, max: 1 },
  operands: ['context'],
  async run({ flags, given, args, configFolder }) {
    const [name = ''] = args;
    if (name === 'default') throw fail('invalid-argument', '"default" is a reserved context name');
    const meta = readContext(configFolder, name);
    const Metadata = flags.description === '' ? meta.Metadata : { ...meta.Metadata, Description: flags.description };
    if (!given.has('docker')) {
      writeContext(configFolder, { ...meta, Metadata });
    } else {
      const from = flags.docker.get('from');
      const source =
        from === undefined
          ? parseEndpointPairs(flags.docker)
          : {
              endpoint: readContext(configFolder, from).Endpoints.docker ?? {},
              tls: tlsBytes(contextTlsFiles(configFolder, from)),
            };
      writeContext(configFolder, { ...meta, Metadata, Endpoints: { docker: source.endpoint } }, source.tls);
    }
    writeOut(`${name}\n`);
    writeErr(`Successfully updated context "${name}"\n`);
    return 0;
  },
});
