import { createVolume } from '#client';
import { fail } from '#std/errors';
import { defineCommand } from '../../grammar/command.ts';
import { list, text } from '../../grammar/flag.ts';
import { writeOut } from '../../streams/text-output.ts';
import { labelFlag, pairs, toRecord } from '../../values/key-values.ts';
import { bytes } from '../../values/sizes.ts';

/** Options of volumes that a swarm has; there is none, so that to use one is refused by name. */
const clusterFlags = {
  availability: text('Availability of a cluster volume: active, pause or drain', {
    initial: 'active',
    shownDefault: '"active"',
  }),
  group: text('Group of a cluster volume'),
  'limit-bytes': bytes('Smallest size of a cluster volume'),
  'required-bytes': bytes('Largest size of a cluster volume'),
  scope: text('Scope of a cluster volume: single or multi', { initial: 'single', shownDefault: '"single"' }),
  secret: pairs('Secrets of a cluster volume'),
  sharing: text('Sharing of a cluster volume: none, readonly, onewriter or all', {
    initial: 'none',
    shownDefault: '"none"',
  }),
  'topology-preferred': list('Topology that a cluster volume should be in'),
  'topology-required': list('Topology that a cluster volume must be reached from'),
  type: text('Access of a cluster volume: mount or block', { initial: 'block', shownDefault: '"block"' }),
};

/** `volume create`: prints the name. */
export const volumeCreate = defineCommand({
  usage: '[OPTIONS] [VOLUME]',
  examples: [['volume create -o type=tmpfs -o device=tmpfs -o o=size=100m scratch', 'A volume in memory']],
  flags: {
    ...clusterFlags,
    driver: text('Driver of the volume', {
      short: 'd',
      initial: 'local',
      shownDefault: '"local"',
      completes: 'volume-driver',
    }),
    label: labelFlag('Set a label (name=value)'),
    name: text('Name of the volume', { hidden: true }),
    opt: pairs('Options of the driver (name=value)', { short: 'o' }),
  },
  args: { min: 0, max: 1 },
  async run({ flags, given, args, engine }) {
    const ofCluster = Object.keys(clusterFlags).find((name) => given.has(name));
    if (ofCluster !== undefined) {
      throw fail('not-implemented', `--${ofCluster} is for volumes of a cluster, which are not there yet`);
    }
    if (flags.name !== '' && args.length > 0) {
      throw fail(
        'invalid-argument',
        'conflicting options: cannot specify a volume-name through both --name and as a positional arg',
      );
    }
    const volume = await createVolume(engine, {
      Name: args[0] ?? flags.name,
      Driver: flags.driver,
      ...(flags.opt.length === 0 ? {} : { DriverOpts: toRecord(flags.opt) }),
      ...(flags.label.length === 0 ? {} : { Labels: toRecord(flags.label) }),
    });
    writeOut(`${volume.Name}\n`);
    return 0;
  },
});
