import { loadImages } from '#client';
import { fail } from '#std/errors';
import { defineCommand } from '../grammar/command.ts';
import { text, toggle } from '../grammar/flag.ts';
import { writeErr, writeOut } from '../streams/text-output.ts';
import { bootstrapImage } from './index.ts';

/** `image bootstrap NAME`: makes a base image on this machine and loads it into the engine. */
export const bootstrapCommand = defineCommand({
  usage: '[OPTIONS] debian:bookworm|busybox',
  flags: {
    tag: text('Name and tag of the image, instead of its own', { short: 't' }),
    quiet: toggle('Print the image ID only', { short: 'q' }),
  },
  args: { min: 1, max: 1 },
  operands: [['debian:bookworm', 'busybox']],
  async run({ flags, args, engine }) {
    const [name = ''] = args;
    const interruption = new AbortController();
    // Without this an interrupt would leave the half-made system behind.
    const interrupt = (): void => interruption.abort(fail('cancelled', 'interrupted'));
    process.once('SIGINT', interrupt);
    process.once('SIGTERM', interrupt);
    try {
      if (!flags.quiet) writeErr(`Making ${name} from the packages of this host's mirror\n`);
      const options = { signal: interruption.signal, ...(flags.tag === '' ? {} : { tag: flags.tag }) };
      await using image = await bootstrapImage(name, options);
      for await (const message of await loadImages(engine, image.archive, { quiet: true })) {
        if (message.error !== undefined) throw fail('internal', message.error);
      }
      writeOut(flags.quiet ? `${image.id}\n` : `${image.reference} ${image.id}\n`);
      return 0;
    } finally {
      process.removeListener('SIGINT', interrupt);
      process.removeListener('SIGTERM', interrupt);
    }
  },
});
