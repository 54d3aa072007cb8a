import { formatReference, parseReference, withDefaultTag } from '#oci';
import { CommandFailure } from '../../failure.ts';
import { defineCommand } from '../../grammar/command.ts';
import { text, toggle } from '../../grammar/flag.ts';
import { printProgress } from '../../print/progress.ts';
import { writeOut } from '../../streams/text-output.ts';
import { startPull } from './pull-image.ts';

/** `image pull`. */
export const pull = defineCommand({
  usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
  examples: [
    ['pull debian:bookworm', 'Fetch an image from Docker Hub'],
    ['pull --all-tags registry.example.com/team/app', 'Fetch all that a repository has'],
  ],
  flags: {
    'all-tags': toggle('Fetch every tag of the repository', { short: 'a' }),
    'disable-content-trust': toggle('Skip the verification of the image', { initial: true }),
    platform: text('The variant to fetch, where there are several (os[/arch[/variant]])'),
    quiet: toggle('No progress', { short: 'q' }),
  },
  args: { min: 1, max: 1 },
  async run({ flags, args, engine, config }) {
    const [name = ''] = args;
    if (!flags['disable-content-trust']) {
      throw new CommandFailure('--disable-content-trust=false: signatures of images are not looked at yet');
    }
    const reference = parseReference(name);
    const isNameOnly = reference.tag === undefined && reference.digest === undefined;
    const all = flags['all-tags'];
    if (all && !isNameOnly) throw new CommandFailure("tag can't be used with --all-tags/-a");
    if (!all && isNameOnly && !flags.quiet) writeOut('Using default tag: latest\n');
    const messages = await startPull(engine, name, { platform: flags.platform, all, config });
    await printProgress(messages, { fd: 1, quiet: flags.quiet });
    writeOut(`${formatReference(all ? reference : withDefaultTag(reference))}\n`);
    return 0;
  },
});
