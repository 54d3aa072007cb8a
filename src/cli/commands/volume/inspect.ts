import { inspectVolume } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { inspectFormat } from '../../grammar/format-flag.ts';
import { inspectObjects } from '../inspect-objects.ts';

/** `volume inspect`. */
export const volumeInspect = defineCommand({
  usage: '[OPTIONS] VOLUME [VOLUME...]',
  flags: { format: inspectFormat() },
  args: { min: 1 },
  operands: ['volume'],
  run: ({ flags, args, engine, program }) =>
    inspectObjects(program, args, flags.format, (name) => inspectVolume(engine, name), { shape: 'volume' }),
});
