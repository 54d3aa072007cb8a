import type { ContainerUpdateRequest } from '#api';
import { updateContainer } from '#client';
import { changeableLimits } from '../../container-options/changeable-limits.ts';
import { CommandFailure, failureText } from '../../failure.ts';
import { defineCommand } from '../../grammar/command.ts';
import { text } from '../../grammar/flag.ts';
import { writeOut } from '../../streams/text-output.ts';
import { parseRestartPolicy, restartPolicies } from '../../values/resources.ts';
import { bytes } from '../../values/sizes.ts';

const updateFlags = {
  ...changeableLimits,
  'kernel-memory': bytes('No longer has an effect', { hidden: true }),
  restart: text('When to start it again: no, on-failure[:count], always, unless-stopped', {
    completes: restartPolicies,
  }),
};

/** `container update`. */
export const update = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  examples: [['update --memory 512m --memory-swap 1g web', 'Give a container other limits while it runs']],
  flags: updateFlags,
  args: { min: 1 },
  operands: ['container'],
  async run({ flags, given, args, engine, program }) {
    if (given.size === 0) throw new CommandFailure('you must provide one or more flags when using this command');
    const request: ContainerUpdateRequest = {
      BlkioWeight: flags['blkio-weight'] ?? 0,
      CpuShares: flags['cpu-shares'] ?? 0,
      Memory: flags.memory,
      NanoCpus: flags.cpus,
      CpuPeriod: flags['cpu-period'] ?? 0,
      CpuQuota: flags['cpu-quota'] ?? 0,
      CpuRealtimePeriod: flags['cpu-rt-period'] ?? 0,
      CpuRealtimeRuntime: flags['cpu-rt-runtime'] ?? 0,
      CpusetCpus: flags['cpuset-cpus'],
      CpusetMems: flags['cpuset-mems'],
      MemoryReservation: flags['memory-reservation'],
      MemorySwap: flags['memory-swap'],
      ...(given.has('pids-limit') ? { PidsLimit: flags['pids-limit'] ?? 0 } : {}),
      ...(given.has('restart') ? { RestartPolicy: parseRestartPolicy(flags.restart) } : {}),
    };
    const warnings: string[] = [];
    const failures: string[] = [];
    for (const name of args) {
      try {
        warnings.push(...(await updateContainer(engine, name, request)));
        writeOut(`${name}\n`);
      } catch (error) {
        failures.push(failureText(error, program));
      }
    }
    if (warnings.length > 0) writeOut(`${warnings.join('\n')}\n`);
    if (failures.length > 0) throw new CommandFailure(failures.join('\n'));
    return 0;
  },
});
