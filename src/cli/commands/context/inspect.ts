import { anyContext } from '../../connection/context-store.ts';
import { contextFolders, contextTlsFiles, defaultContext } from '../../connection/contexts.ts';
import { defineCommand } from '../../grammar/command.ts';
import { inspectFormat } from '../../grammar/format-flag.ts';
import { inspectObjects } from '../inspect-objects.ts';
import { environmentHost } from './environment-host.ts';

function describe(folder: string, name: string): object {
  const meta = anyContext(folder, name, environmentHost());
  const files = [...contextTlsFiles(folder, name).keys()];
  const folders =
    name === defaultContext
      ? { MetadataPath: '\u003cIN MEMORY\u003e', TLSPath: '\u003cIN MEMORY\u003e' }
      : { MetadataPath: contextFolders(folder, name).meta, TLSPath: contextFolders(folder, name).tls };
  const { Name, Metadata, Endpoints } = meta;
  return { Name, Metadata, Endpoints, TLSMaterial: files.length === 0 ? {} : { docker: files }, Storage: folders };
}

/** `context inspect`: the current one when none is named. */
export const contextInspect = defineCommand({
  usage: '[OPTIONS] [CONTEXT] [CONTEXT...]',
  flags: { format: inspectFormat() },
  args: { min: 0 },
  operands: ['context'],
  run: ({ flags, args, configFolder, contextName, program }) =>
    inspectObjects(
      program,
      args.length === 0 ? [contextName] : args,
      flags.format,
      async (name) => describe(configFolder, name),
      { escapeHtml: true },
    ),
});
