import { importImage } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { list, text } from '../../grammar/flag.ts';
import { Meter } from '../../print/meter.ts';
import { printProgress } from '../../print/progress.ts';
import { archiveBytes, archiveInput } from '../../streams/archive-input.ts';
import { platformFlag } from '../../values/platforms.ts';
import { parseImageName } from '../../values/references.ts';

/** `image import`: prints the ID. */
export const importCommand = defineCommand({
  usage: '[OPTIONS] file|URL|- [REPOSITORY[:TAG]]',
  flags: {
    change: list("Apply a Dockerfile's instruction to the image", { short: 'c' }),
    message: text('Message of the commit', { short: 'm' }),
    platform: platformFlag('Platform of the image'),
  },
  args: { min: 1 },
  operands: ['file', 'image', 'none'],
  async run({ flags, args, engine }) {
    const [source = '', target] = args;
    const name = target === undefined ? undefined : parseImageName(target);
    const isAddress = /^(?:https?|git):\/\//.test(source);
    using meter = await Meter.open('Importing', { totalBytes: isAddress ? undefined : archiveBytes(source) });
    const messages = await importImage(
      engine,
      {
        source: isAddress ? source : '-',
        repo: name?.repository,
        tag: name?.tag,
        message: flags.message || undefined,
        changes: flags.change,
        platform: flags.platform || undefined,
      },
      isAddress ? undefined : meter.count(archiveInput(source)),
    );
    await printProgress(messages, { fd: 1 });
    return 0;
  },
});
