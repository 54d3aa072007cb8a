import type { ContainerUpdateRequest } from '#api';
import { updateContainer } from '#client';
import { CommandFailure, failureText } from '../../failure.ts';
import { defineCommand } from '../../grammar/command.ts';
import { integer, text } from '../../grammar/flag.ts';
import { writeOut } from '../../streams/text-output.ts';
import { cpusFlag, parseRestartPolicy, restartPolicies, weight16 } from '../../values/resources.ts';
import { bytes } from '../../values/sizes.ts';

const updateFlags = {
  'blkio-weight': weight16('Relative weight of block I/O, 10 to 1000, 0 for none'),
  'cpu-period': integer('Period of the CFS quota, in microseconds'),
  'cpu-quota': integer('CFS quota in each period, in microseconds'),
  'cpu-rt-period': integer('Real-time period, in microseconds'),
  'cpu-rt-runtime': integer('Real-time runtime, in microseconds'),
  'cpu-shares': integer('Relative weight of processor time', { short: 'c' }),
  cpus: cpusFlag('Number of processors, with a fraction'),
  'cpuset-cpus': text('Processors to run on (0-3, 0,1)'),
  'cpuset-mems': text('Memory nodes to use (0-3, 0,1)'),
  'kernel-memory': bytes('No longer has an effect', { hidden: true }),
  memory: bytes('Limit of memory', { short: 'm' }),
  'memory-reservation': bytes('Memory that is left when memory runs short'),
  'memory-swap': bytes('Limit of memory and swap together, -1 for none', { unlimited: true }),
  'pids-limit': integer('Limit of processes, -1 for none'),
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
