import { commitContainer } from '#client';
import { parseReference } from '#oci';
import { defineCommand } from '../../grammar/command.ts';
import { list, text, toggle } from '../../grammar/flag.ts';
import { Meter } from '../../print/meter.ts';
import { writeOut } from '../../streams/text-output.ts';
import { parseImageName } from '../../values/references.ts';

/** `container commit`: prints the ID of the image. */
export const commit = defineCommand({
  usage: '[OPTIONS] CONTAINER [REPOSITORY[:TAG]]',
  examples: [[`commit -c 'CMD ["nginx"]' web site:2`, 'Keep a container as an image that runs another program']],
  flags: {
    author: text('Author ("Jane Doe <jane@example.org>")', { short: 'a' }),
    change: list("Apply a Dockerfile's instruction to the image", { short: 'c' }),
    message: text('Message of the commit', { short: 'm' }),
    pause: toggle('Freeze the container meanwhile', { short: 'p', initial: true }),
  },
  args: { min: 1, max: 2 },
  operands: ['container', 'image'],
  async run({ flags, args, engine }) {
    const [container = '', target] = args;
    if (target !== undefined) parseReference(target);
    const name = target === undefined ? undefined : parseImageName(target);
    using meter = await Meter.waiting(`Committing ${container}`);
    const id = await commitContainer(engine, container, {
      repo: name?.repository,
      tag: name?.tag,
      comment: flags.message || undefined,
      author: flags.author || undefined,
      pause: flags.pause,
      changes: flags.change,
    });
    meter[Symbol.dispose]();
    writeOut(`${id}\n`);
    return 0;
  },
});
