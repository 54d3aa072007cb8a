import { tarEnd, tarHeader, tarPadding } from '#oci';
import { fail } from '#std/errors';
import { fileSystem } from '../../builtins.ts';
import { anyContext, tlsBytes } from '../../connection/context-store.ts';
import { contextTlsFiles } from '../../connection/contexts.ts';
import { defineCommand } from '../../grammar/command.ts';
import { writeBytes } from '../../streams/byte-output.ts';
import { isTerminal } from '../../streams/terminal.ts';
import { writeErr } from '../../streams/text-output.ts';
import { systemErrorText } from '../../values/system-errors.ts';
import { environmentHost } from './environment-host.ts';

function file(path: string, content: Uint8Array): Uint8Array {
  return Buffer.concat([tarHeader({ path, sizeBytes: content.length }), content, tarPadding(content.length)]);
}

function archiveOf(folder: string, name: string): Uint8Array {
  const meta = Buffer.from(JSON.stringify(anyContext(folder, name, environmentHost())));
  const tls = [...tlsBytes(contextTlsFiles(folder, name))];
  const directory = (path: string): Uint8Array => tarHeader({ type: 'directory', path, mode: 0o700 });
  const parts = [file('meta.json', meta), directory('tls/')];
  if (tls.length > 0) parts.push(directory('tls/docker/'));
  return Buffer.concat([...parts, ...tls.map(([key, content]) => file(`tls/docker/${key}`, content)), tarEnd]);
}

/** `context export`. */
export const contextExport = defineCommand({
  usage: '[OPTIONS] CONTEXT [FILE|-]',
  flags: {},
  args: { min: 1, max: 2 },
  operands: ['context', 'file'],
  async run({ args, configFolder }) {
    const [name = '', target = `${name}.dockercontext`] = args;
    const archive = archiveOf(configFolder, name);
    if (target === '-') {
      if (await isTerminal(1)) {
        throw fail('invalid-argument', 'cowardly refusing to export to a terminal, specify a file path');
      }
      await writeBytes(1, archive);
      return 0;
    }
    try {
      fileSystem().writeFileSync(target, archive, { flag: 'wx', mode: 0o600 });
    } catch (error) {
      throw fail('invalid-argument', `open ${target}: ${systemErrorText(error)}`, error);
    }
    writeErr(`Written file "${target}"\n`);
    return 0;
  },
});
