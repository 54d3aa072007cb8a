import { integer, text } from '../grammar/flag.ts';
import { cpusFlag, weight16 } from '../values/resources.ts';
import { bytes } from '../values/sizes.ts';

/** Limits that a container is created with, and that may be changed later. */
export const changeableLimits = {
  'blkio-weight': weight16('Relative weight of block I/O, 10 to 1000, 0 for none'),
  'cpu-period': integer('Period of the CFS quota, in microseconds'),
  'cpu-quota': integer('CFS quota in each period, in microseconds'),
  'cpu-rt-period': integer('Real-time period, in microseconds'),
  'cpu-rt-runtime': integer('Real-time runtime, in microseconds'),
  'cpu-shares': integer('Relative weight of processor time', { short: 'c' }),
  cpus: cpusFlag('Number of processors, with a fraction'),
  'cpuset-cpus': text('Processors to run on (0-3, 0,1)'),
  'cpuset-mems': text('Memory nodes to use (0-3, 0,1)'),
  memory: bytes('Limit of memory (512m, 2g)', { short: 'm' }),
  'memory-reservation': bytes('Memory that is left when memory runs short'),
  'memory-swap': bytes('Limit of memory and swap together, -1 for none', { unlimited: true }),
  'pids-limit': integer('Limit of processes, -1 for none'),
};
