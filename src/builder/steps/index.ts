export type { CacheMountRecord, CacheMounts, CacheMountUsage } from './cache-mounts.ts';
export type { OpenStepContainer, ProcessRequest, StepContainer, StepContainerRequest } from './container.ts';
export type { ContainerProcess } from './container-process.ts';
export type { ExecStep } from './exec-step.ts';
export { StepFailure } from './failure.ts';
export { type OpenedSteps, openSteps } from './open.ts';
export type { StepParts } from './parts.ts';
