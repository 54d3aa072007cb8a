export { busyboxTar } from './busybox.ts';
export { type CgroupNames, cgroupFile, isCgroupFirst } from './cgroups.ts';
export { type EngineOptions, estibaCommand, startEngine, type TestEngine } from './engine.ts';
export { dockerCli, isAlive, killHard, processesNaming, type Ran, run, until } from './processes.ts';
