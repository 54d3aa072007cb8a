import { pushImage } from '#client';
import { formatReference, parseReference, withDefaultTag } from '#oci';
import { imageCredentials } from '../../connection/credentials.ts';
import { CommandFailure } from '../../failure.ts';
import { defineCommand } from '../../grammar/command.ts';
import { text, toggle } from '../../grammar/flag.ts';
import { printProgress } from '../../print/progress.ts';
import { writeOut } from '../../streams/text-output.ts';
import { apiPlatform } from '../../values/platforms.ts';

const platformNote = `
 Info -> Using --platform pushes only the specified platform manifest of a multi-platform image index.
         Other components, like attestations, will not be included.
         To push the complete multi-platform image, remove the --platform flag.
${' '.repeat(9)}
`;

/** `image push`. */
export const push = defineCommand({
  usage: '[OPTIONS] NAME[:TAG]',
  examples: [
    ['push registry.example.com/team/app:1.2', 'Send an image'],
    ['push --all-tags registry.example.com/team/app', 'Send all that is here of a repository'],
  ],
  flags: {
    'all-tags': toggle('Send every tag of the repository', { short: 'a' }),
    'disable-content-trust': toggle('Do not sign the image', { initial: true }),
    platform: text('The variant to send, where there are several (os[/arch[/variant]])'),
    quiet: toggle('No progress', { short: 'q' }),
  },
  args: { min: 1, max: 1 },
  operands: ['image'],
  async run({ flags, args, engine, config }) {
    if (!flags['disable-content-trust']) {
      throw new CommandFailure('--disable-content-trust=false: images are not signed yet');
    }
    const platform = apiPlatform(flags.platform, `Invalid platform ${flags.platform}`);
    if (platform !== undefined) writeOut(platformNote);
    const given = parseReference(args[0] ?? '');
    const isNameOnly = given.tag === undefined && given.digest === undefined;
    const all = flags['all-tags'];
    if (all && !isNameOnly) throw new CommandFailure("tag can't be used with --all-tags/-a");
    const reference = all ? given : withDefaultTag(given);
    if (!all && isNameOnly && !flags.quiet) writeOut('Using default tag: latest\n');
    if (reference.digest !== undefined) throw new CommandFailure('cannot push a digest reference');
    const messages = await pushImage(
      engine,
      reference.name,
      { tag: reference.tag, platform },
      await imageCredentials(config, reference.name),
    );
    await printProgress(messages, { fd: 1, quiet: flags.quiet });
    if (flags.quiet) writeOut(`${formatReference(reference)}\n`);
    return 0;
  },
});
