import { posix } from 'node:path';
import type { HealthConfig, HostConfig } from '#api';
import { fail } from '#std/errors';
import { networkTarget } from '../health/network-target.ts';
import { failureActions } from '../health/on-failure.ts';
import { type NetworkInput, validateNetwork } from '../networks/validate.ts';
import { signalNumber } from '../signals.ts';
import { resolveCapabilities } from './capabilities.ts';
import type { HostFacts } from './host.ts';
import { parseSecurityOptions } from './security.ts';
import { checkRestartPolicy, validateResources } from './validate-resources.ts';

/** What a creation is checked from. */
export interface ValidationInput extends NetworkInput {
  readonly host: HostFacts;
  /** Names that the runtime answers to. */
  readonly runtimes: readonly string[];
  /** Throws `not-found` for a container that is not there. */
  readonly checkContainer: (name: string) => void;
}

const leastDurationNs = 1_000_000;

function refuse(message: string): Error {
  return fail('invalid-argument', message);
}

function checkHealth(health: HealthConfig): void {
  for (const field of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval'] as const) {
    const value = health[field] ?? 0;
    if (value !== 0 && value < leastDurationNs) throw refuse(`${field} in Healthcheck cannot be less than 1ms`);
  }
  if ((health.Retries ?? 0) < 0) throw refuse('Retries in Healthcheck cannot be negative');
  networkTarget(health.Test ?? []);
  const { OnFailure = '' } = health;
  if (OnFailure !== '' && !failureActions.some((action) => action === OnFailure)) {
    throw refuse(`invalid OnFailure in Healthcheck: ${JSON.stringify(OnFailure)}: one of ${failureActions.join(', ')}`);
  }
}

function checkConfig({ config }: ValidationInput): void {
  if (config.WorkingDir !== '' && !posix.isAbsolute(config.WorkingDir)) {
    throw refuse(`the working directory '${config.WorkingDir}' is invalid, it needs to be an absolute path`);
  }
  for (const entry of config.Env ?? []) {
    if (entry === '' || entry.startsWith('=')) throw refuse(`invalid environment variable: ${entry}`);
  }
  // A number may be one that only the container's own kernel interface knows; a name must be a signal's.
  const { StopSignal = '' } = config;
  if (StopSignal !== '' && !/^\d+$/.test(StopSignal)) signalNumber(StopSignal);
  if (config.Healthcheck !== undefined) checkHealth(config.Healthcheck);
}

/** The container of a mode `container:x`, checked to be there: to a creator, a missing one is a wrong argument. */
function checkJoined(mode: string, checkContainer: ValidationInput['checkContainer']): void {
  const name = /^container:(.+)$/s.exec(mode)?.[1];
  if (name === undefined) return;
  try {
    checkContainer(name);
  } catch (error) {
    throw fail('invalid-argument', `No such container: ${name}`, error);
  }
}

function checkModes({ hostConfig, checkContainer, runtimes }: ValidationInput): void {
  const { PidMode, IpcMode, UTSMode, CgroupnsMode, UsernsMode, Isolation, Runtime, Cgroup } = hostConfig;
  if (Cgroup !== '') throw fail('not-implemented', `a cgroup by name (${Cgroup}) is not supported: use CgroupParent`);
  if (!/^(?:|host|container:.+)$/s.test(PidMode)) throw refuse(`invalid PID mode: ${PidMode}`);
  if (!/^(?:|none|private|shareable|host|container:.+)$/s.test(IpcMode)) throw refuse(`invalid IPC mode: ${IpcMode}`);
  if (UTSMode !== '' && UTSMode !== 'host') throw refuse(`invalid UTS mode: ${UTSMode}`);
  if (!/^(?:|host|private)$/.test(CgroupnsMode)) throw refuse(`invalid cgroup namespace mode: ${CgroupnsMode}`);
  if (UsernsMode !== '' && UsernsMode !== 'host') throw refuse(`invalid user namespace mode: ${UsernsMode}`);
  if (Isolation !== '' && Isolation !== 'default') {
    throw refuse(`invalid isolation (${Isolation}): linux only supports 'default'`);
  }
  if (!runtimes.includes(Runtime)) throw refuse(`unknown or invalid runtime name: ${Runtime}`);
  checkJoined(PidMode, checkContainer);
  checkJoined(IpcMode, checkContainer);
}

function checkLife({ RestartPolicy, AutoRemove }: HostConfig): void {
  checkRestartPolicy(RestartPolicy);
  if (AutoRemove && RestartPolicy.Name !== '' && RestartPolicy.Name !== 'no') {
    throw refuse("can't create 'AutoRemove' container with restart policy");
  }
}

function checkStorage({ StorageOpt }: HostConfig): void {
  for (const name of Object.keys(StorageOpt ?? {})) {
    if (name !== 'size') throw refuse(`Unknown option ${name}`);
    throw refuse("--storage-opt is supported only for overlay over xfs with 'pquota' mount option");
  }
}

/**
 * Checks a container that is about to be created: refuses what Docker refuses, in its words and with its kinds, and by
 * name what Estiba has not. Returns the warnings of the creation.
 */
export function validateCreation(input: ValidationInput): string[] {
  const { hostConfig, host } = input;
  checkConfig(input);
  checkModes(input);
  checkLife(hostConfig);
  checkStorage(hostConfig);
  if (Object.keys(hostConfig.Annotations ?? {}).includes('')) {
    throw refuse('invalid Annotations: the empty string is not permitted as an annotation key');
  }
  resolveCapabilities(hostConfig, host.capabilities);
  parseSecurityOptions(hostConfig.SecurityOpt);
  return [...validateResources(hostConfig, host), ...validateNetwork(input)];
}
