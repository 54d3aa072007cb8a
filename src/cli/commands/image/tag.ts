import { tagImage } from '#client';
import { parseReference } from '#oci';
import { fail, messageOf } from '#std/errors';
import { defineCommand } from '../../grammar/command.ts';
import { parseImageName } from '../../values/references.ts';

/** `image tag`. */
export const tag = defineCommand({
  usage: 'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
  flags: {},
  args: { min: 2, max: 2 },
  operands: ['image', 'none'],
  async run({ args, engine }) {
    const [source = '', target = ''] = args;
    for (const reference of [source, target]) {
      try {
        // An image's ID is no name, but may stand for one.
        if (!/^[0-9a-f]{64}$/.test(reference)) parseReference(reference);
      } catch (error) {
        const message = `Error parsing reference: "${reference}" is not a valid repository/tag: ${messageOf(error)}`;
        throw fail('invalid-argument', message, error);
      }
    }
    const name = parseImageName(target);
    if (name.digest !== undefined) throw fail('invalid-argument', 'refusing to create a tag with a digest reference');
    await tagImage(engine, source, { repo: name.repository, tag: name.tag ?? 'latest' });
    return 0;
  },
});
