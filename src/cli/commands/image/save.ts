import { saveImages } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { text } from '../../grammar/flag.ts';
import { Meter } from '../../print/meter.ts';
import { checkArchiveOutput, writeArchive } from '../../streams/archive-output.ts';
import { apiPlatform, platformFlag } from '../../values/platforms.ts';

/** `image save`. */
export const save = defineCommand({
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  examples: [['save -o web.tar web:1 web:2', 'Write two images to one archive']],
  flags: {
    output: text('File to write, instead of standard output', { short: 'o', completes: 'file' }),
    platform: platformFlag('Save the variant of this platform alone (os[/arch[/variant]])'),
  },
  args: { min: 1 },
  operands: ['image'],
  async run({ flags, args, engine }) {
    const platform = apiPlatform(flags.platform, 'invalid platform: ');
    await checkArchiveOutput(flags.output, 'failed to save image');
    const body = await saveImages(engine, args, { platform });
    using meter = await Meter.open('Saving', { quiet: flags.output === '' });
    await writeArchive(flags.output, body, meter);
    return 0;
  },
});
