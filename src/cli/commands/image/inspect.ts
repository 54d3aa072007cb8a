import { inspectImage } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { text } from '../../grammar/flag.ts';
import { inspectFormat } from '../../grammar/format-flag.ts';
import { inspectObjects } from '../inspect-objects.ts';

/** `image inspect`. */
export const imageInspect = defineCommand({
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  flags: { format: inspectFormat(), platform: text('Platform of the image', { hidden: true }) },
  args: { min: 1 },
  run: ({ flags, args, engine, program }) =>
    inspectObjects(program, args, flags.format, (name) => inspectImage(engine, name)),
});
