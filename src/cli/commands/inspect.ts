import { type EngineClient, inspectContainer, inspectImage, inspectNetwork, inspectVolume } from '#client';
import { EstibaError, fail } from '#std/errors';
import { defineCommand } from '../grammar/command.ts';
import { text, toggle } from '../grammar/flag.ts';
import { inspectFormat } from '../grammar/format-flag.ts';
import type { ShapeName } from '../print/go-shapes.ts';
import { asCommandFlag, inspectObjects } from './inspect-objects.ts';

type Find = (engine: EngineClient, name: string, size: boolean) => Promise<unknown>;

/** In the order in which a name is looked for. */
const finders: Readonly<Record<string, Find>> = {
  container: (engine, name, size) => inspectContainer(engine, name, { size }),
  image: (engine, name) => inspectImage(engine, name),
  network: (engine, name) => inspectNetwork(engine, name),
  volume: inspectVolume,
};

/** Which of Go's types an object is, by fields that no other has. */
function shapeOf(object: unknown): ShapeName | undefined {
  if (typeof object !== 'object' || object === null) return undefined;
  if ('HostConfig' in object) return 'container';
  if ('RootFS' in object) return 'image';
  if ('IPAM' in object) return 'network';
  return 'Mountpoint' in object ? 'volume' : undefined;
}

const known = ['config', 'container', 'image', 'network', 'node', 'plugin', 'secret', 'service', 'task', 'volume'];

async function findAny(engine: EngineClient, name: string, size: boolean): Promise<unknown> {
  for (const find of Object.values(finders)) {
    try {
      return await find(engine, name, size);
    } catch (error) {
      if (!(error instanceof EstibaError) || !['not-found', 'not-implemented'].includes(error.kind)) throw error;
    }
  }
  throw fail('not-found', `Error: No such object: ${name}`);
}

/** `inspect`. */
export const inspect = defineCommand({
  usage: '[OPTIONS] NAME|ID [NAME|ID...]',
  examples: [
    ['inspect --as-command web', 'The line that makes a container like this one'],
    ['inspect -f "{{.State.Status}}" web', 'One thing that is known of a container'],
  ],
  flags: {
    'as-command': asCommandFlag(),
    format: inspectFormat(),
    size: toggle('Sizes too, of containers', { short: 's' }),
    type: text('Look among objects of this type alone', { completes: Object.keys(finders) }),
  },
  args: { min: 1 },
  operands: ['object'],
  async run({ flags, args, engine, program }) {
    const { format, size, type } = flags;
    if (type !== '' && !known.includes(type)) {
      const names = known.map((name) => `"${name}"`).join(', ');
      throw fail('invalid-argument', `unknown type: "${type}": must be one of ${names}`);
    }
    const finder = finders[type];
    if (type !== '' && !finder) throw fail('not-implemented', `${program}: there are no objects of type ${type} yet`);
    if (flags['as-command']) {
      if (type !== '' && type !== 'container') throw fail('invalid-argument', '--as-command is for containers');
      const { printAsCommand } = await import('./container/as-command.ts');
      return printAsCommand(args, { program, engine, format, size });
    }
    const find: Find = finder ?? findAny;
    return inspectObjects(program, args, format, (name) => find(engine, name, size), { shape: shapeOf });
  },
});
