import { exportContainer } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { text } from '../../grammar/flag.ts';
import { Meter } from '../../print/meter.ts';
import { checkArchiveOutput, writeArchive } from '../../streams/archive-output.ts';

/** `container export`. */
export const exportCommand = defineCommand({
  usage: '[OPTIONS] CONTAINER',
  flags: { output: text('File to write, instead of standard output', { short: 'o', completes: 'file' }) },
  args: { min: 1, max: 1 },
  operands: ['container'],
  async run({ flags, args, engine }) {
    const [container = ''] = args;
    await checkArchiveOutput(flags.output, 'failed to export container');
    const body = await exportContainer(engine, container);
    using meter = await Meter.open(`Exporting ${container}`, { quiet: flags.output === '' });
    await writeArchive(flags.output, body, meter);
    return 0;
  },
});
