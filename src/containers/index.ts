export type { ContainerDefaults } from './create/engine-defaults.ts';
export { checkLogConfig, logDriverNames } from './logs/drivers.ts';
export { type OpenedContainers, openContainers } from './open.ts';
export { type ContainerPaths, containerPaths } from './paths.ts';
export type * from './types.ts';
export { type ContainerUsage, containerUsage } from './usage.ts';
export type { ContainersOptions } from './wiring.ts';
