export { busyboxTar } from './busybox.ts';
export { type CgroupNames, cgroupFile, isCgroupFirst } from './cgroups.ts';
export { type EngineOptions, estibaCommand, startEngine, type TestEngine } from './engine.ts';
export { type OwnRegistry, startOwnRegistry } from './own-registry.ts';
export {
  buildx,
  dockerCli,
  isAlive,
  killHard,
  linesOf,
  oldDockerCli,
  processesNaming,
  type Ran,
  run,
  until,
} from './processes.ts';
export { type RegistryOptions, startRegistry, type TestRegistry } from './registry.ts';
export { errorAnswer, type ScriptedRegistry, startScriptedRegistry } from './scripted-registry.ts';
export {
  type ScriptedAnswer,
  type ScriptedRequest,
  type ScriptedServer,
  startScriptedServer,
} from './scripted-server.ts';
