import { chownSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { HostConfig } from '#api';
import { type ContainerMount, stepSpec, stepUser } from '#containers';
import type { Sandbox } from '#networks';
import type { OciSpec } from '#oci';
import type { ExecOperation } from '../graph/operation.ts';
import { placeInRoot } from './placeholders.ts';

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** What BuildKit calls the host of a step that does not say. */
export const defaultHostname = 'buildkitsandbox';

/** What a step's specification is made of, beside the operation. */
export interface SpecificationInput {
  readonly operation: ExecOperation;
  readonly rootfs: string;
  readonly mounts: readonly ContainerMount[];
  readonly sandbox: Sandbox | undefined;
  /** Secrets that are variables, and where the agent is. */
  readonly environment: readonly string[];
  readonly cgroupsPath: string;
}

function hostConfigOf(operation: ExecOperation): Partial<HostConfig> {
  const { network, security, ulimits, shmSizeBytes, resources } = operation;
  return {
    ...resources,
    ...(network === 'host' && { NetworkMode: 'host' }),
    ...(shmSizeBytes > 0 && { ShmSize: shmSizeBytes }),
    ...(ulimits.length > 0 && {
      Ulimits: ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
    }),
    Privileged: security === 'insecure',
    ReadonlyRootfs: operation.mounts.some(({ target, isReadOnly }) => target === '/' && isReadOnly),
  };
}

/** Later entries take the place of earlier ones of the same name. */
function merged(entries: readonly string[]): string[] {
  return [...new Map(entries.map((entry) => [entry.split('=', 1)[0] ?? '', entry])).values()];
}

/** Makes the working directory, of the step's user, where it is missing. */
function makeDirectory(rootfs: string, path: string, owner: { uid: number; gid: number }): void {
  const place = join(rootfs, placeInRoot(rootfs, path));
  const first = mkdirSync(place, { recursive: true, mode: 0o755 });
  if (first === undefined) return;
  for (let made = place; made.length >= first.length; made = dirname(made)) chownSync(made, owner.uid, owner.gid);
}

/** The specification of a step. Throws in Docker's words for a user that is not there and for what cannot be given. */
export function specificationOf(input: SpecificationInput): OciSpec {
  const { operation, rootfs, mounts, sandbox, environment, cgroupsPath } = input;
  const user = stepUser(rootfs, operation.user);
  const directory = operation.directory || '/';
  makeDirectory(rootfs, directory, user);
  const { uncountedEnvironment, words, hostname } = operation;
  return stepSpec({
    config: {
      Hostname: hostname,
      // A name alone takes a variable of containers away: a step has none that tells its host's name.
      Env: ['HOSTNAME', ...merged([defaultPath, ...uncountedEnvironment, ...environment, ...operation.environment])],
      Cmd: [...words],
      WorkingDir: directory,
    },
    hostConfig: hostConfigOf(operation),
    rootfs,
    user,
    network:
      operation.network === 'host' ? 'host' : sandbox === undefined ? 'private' : { path: sandbox.namespacePath },
    mounts,
    cgroupsPath,
  });
}
