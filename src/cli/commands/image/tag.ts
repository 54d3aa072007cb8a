import { tagImage } from '#client';
import { fail } from '#std/errors';
import { defineCommand } from '../../grammar/command.ts';
import { parseImageName } from '../../values/references.ts';

/** `image tag`. */
export const tag = defineCommand({
  usage: 'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
  flags: {},
  args: { min: 2, max: 2 },
  async run({ args, engine }) {
    const [source = '', target = ''] = args;
    const name = parseImageName(target);
    if (name.digest !== undefined) throw fail('invalid-argument', 'refusing to create a tag with a digest reference');
    await tagImage(engine, source, { repo: name.repository, tag: name.tag ?? 'latest' });
    return 0;
  },
});
