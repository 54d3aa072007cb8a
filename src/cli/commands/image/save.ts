import { closeSync, openSync, renameSync, rmSync } from 'node:fs';
import { saveImages } from '#client';
import { fail } from '#std/errors';
import { CommandFailure } from '../../failure.ts';
import { defineCommand } from '../../grammar/command.ts';
import { text } from '../../grammar/flag.ts';
import { writeBytes } from '../../streams/byte-output.ts';
import { isTerminal } from '../../streams/terminal.ts';
import { systemErrorText } from '../../values/system-errors.ts';

/** Writes to a name of its own first, so that a failure leaves no half archive under the wanted one. */
async function saveToFile(path: string, body: AsyncIterable<Uint8Array>): Promise<void> {
  const partial = `${path}.${process.pid}.part`;
  let fd: number;
  try {
    fd = openSync(partial, 'w');
  } catch (error) {
    throw fail('invalid-argument', `failed to save image: open ${path}: ${systemErrorText(error)}`, error);
  }
  try {
    for await (const bytes of body) await writeBytes(fd, bytes);
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** `image save`. */
export const save = defineCommand({
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  flags: {
    output: text('File to write, instead of standard output', { short: 'o' }),
    platform: text('Save the variant of this platform alone'),
  },
  args: { min: 1 },
  async run({ flags, args, engine }) {
    if (flags.output === '' && (await isTerminal(1))) {
      throw new CommandFailure('cowardly refusing to save to a terminal. Use the -o flag or redirect');
    }
    const body = await saveImages(engine, args, { platform: flags.platform || undefined });
    if (flags.output !== '') await saveToFile(flags.output, body);
    else for await (const bytes of body) await writeBytes(1, bytes);
    return 0;
  },
});
