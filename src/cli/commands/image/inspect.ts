import { inspectImage } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { inspectFormat } from '../../grammar/format-flag.ts';
import { apiPlatform, platformFlag } from '../../values/platforms.ts';
import { inspectObjects } from '../inspect-objects.ts';

/** `image inspect`. */
export const imageInspect = defineCommand({
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  flags: { format: inspectFormat(), platform: platformFlag('Variant of this platform (os[/arch[/variant]])') },
  args: { min: 1 },
  operands: ['image'],
  async run({ flags, args, engine, program }) {
    const platform = apiPlatform(flags.platform);
    const find = (name: string): Promise<unknown> => inspectImage(engine, name, { platform });
    return inspectObjects(program, args, flags.format, find, { shape: 'image' });
  },
});
