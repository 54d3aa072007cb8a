import { loadImages } from '#client';
import { CommandFailure } from '../../failure.ts';
import { defineCommand } from '../../grammar/command.ts';
import { text, toggle } from '../../grammar/flag.ts';
import { Meter } from '../../print/meter.ts';
import { printProgress } from '../../print/progress.ts';
import { archiveBytes, archiveInput } from '../../streams/archive-input.ts';
import { isTerminal } from '../../streams/terminal.ts';
import { apiPlatform, platformFlag } from '../../values/platforms.ts';

/** `image load`. */
export const load = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    input: text('Archive to read, instead of standard input', { short: 'i', completes: 'file' }),
    platform: platformFlag('Load the variant of this platform alone (os[/arch[/variant]])'),
    quiet: toggle('No progress', { short: 'q' }),
  },
  args: { min: 0, max: 0 },
  async run({ flags, engine }) {
    if (flags.input === '' && (await isTerminal(0))) {
      throw new CommandFailure('requested load from stdin, but stdin is empty');
    }
    const platform = apiPlatform(flags.platform, 'invalid platform: ');
    const quiet = flags.quiet || !(await isTerminal(1));
    const archive = archiveInput(flags.input || '-');
    using meter = await Meter.open('Loading', { totalBytes: archiveBytes(flags.input), quiet });
    await printProgress(await loadImages(engine, meter.count(archive), { quiet, platform }), { fd: 1 });
    return 0;
  },
});
