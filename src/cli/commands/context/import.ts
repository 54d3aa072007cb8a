import { createTarReader } from '#oci';
import { fail } from '#std/errors';
import { fileSystem } from '../../builtins.ts';
import { checkContextName, contextExists, writeContext } from '../../connection/context-store.ts';
import type { ContextMeta } from '../../connection/contexts.ts';
import { defineCommand } from '../../grammar/command.ts';
import { writeErr, writeOut } from '../../streams/text-output.ts';
import { systemErrorText } from '../../values/system-errors.ts';

/** As large as a description and certificates can be, and no larger. */
const limitBytes = 10 * 1024 * 1024;

/** The files of a tar by name, all of them in memory. */
async function filesOf(archive: AsyncIterable<Uint8Array>): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  let path = '';
  let chunks: Buffer[] = [];
  let total = 0;
  const reader = createTarReader({
    entry: (entry) => {
      path = entry.type === 'file' ? entry.path : '';
      chunks = [];
    },
    data: (chunk) => {
      chunks.push(Buffer.from(chunk));
    },
    end: () => {
      if (path !== '') files.set(path, Buffer.concat(chunks));
    },
  });
  for await (const bytes of archive) {
    total += bytes.length;
    if (total > limitBytes) throw fail('invalid-argument', 'the archive is too large to be that of a context');
    await reader.write(bytes);
  }
  reader.close();
  return files;
}

function metaOf(files: ReadonlyMap<string, Buffer>): ContextMeta {
  const text = files.get('meta.json')?.toString();
  if (text === undefined) throw fail('invalid-argument', 'invalid context: no metadata found');
  const meta: unknown = JSON.parse(text);
  if (typeof meta !== 'object' || meta === null || !('Endpoints' in meta)) {
    throw fail('invalid-argument', 'invalid context: its metadata describes none');
  }
  return meta as ContextMeta;
}

/** `context import`: prints the name. */
export const contextImport = defineCommand({
  usage: 'CONTEXT FILE|-',
  flags: {},
  args: { min: 2, max: 2 },
  operands: ['none', 'file'],
  async run({ args, configFolder }) {
    const [name = '', source = ''] = args;
    checkContextName(name);
    if (contextExists(configFolder, name)) throw fail('invalid-argument', `context "${name}" already exists`);
    try {
      if (source !== '-') fileSystem().accessSync(source);
    } catch (error) {
      throw fail('invalid-argument', `open ${source}: ${systemErrorText(error)}`, error);
    }
    const files = await filesOf(source === '-' ? Bun.stdin.stream() : Bun.file(source).stream());
    const tls = new Map<string, Uint8Array>();
    for (const [path, content] of files) {
      const file = /^tls\/docker\/((?:ca|cert|key)\.pem)$/.exec(path)?.[1];
      if (file !== undefined) tls.set(file, content);
    }
    writeContext(configFolder, { ...metaOf(files), Name: name }, tls);
    writeOut(`${name}\n`);
    writeErr(`Successfully imported context "${name}"\n`);
    return 0;
  },
});
