import { posix } from 'node:path';
import type { ContainerConfig, ContainerCreateRequest, HealthConfig } from '#api';

function mergeEnv(own: readonly string[], image: readonly string[]): string[] {
  const names = new Set(own.map((entry) => entry.split('=', 1)[0]));
  return [...image.filter((entry) => !names.has(entry.split('=', 1)[0])), ...own];
}

function mergeHealth(own: HealthConfig | undefined, image: HealthConfig | undefined): HealthConfig | undefined {
  if (own === undefined || image === undefined) return own ?? image;
  const merged: HealthConfig = { ...own };
  if ((merged.Test ?? []).length === 0 && image.Test !== undefined) merged.Test = image.Test;
  for (const key of ['Interval', 'Timeout', 'Retries', 'StartPeriod', 'StartInterval'] as const) {
    const inherited = image[key];
    if (!merged[key] && inherited !== undefined) merged[key] = inherited;
  }
  if (!merged.OnFailure && image.OnFailure !== undefined) merged.OnFailure = image.OnFailure;
  return merged;
}

/** An entrypoint of one empty string is how clients say: none, and forget the image's command too. */
function isCleared(list: readonly string[] | null | undefined): boolean {
  return list?.length === 1 && list[0] === '';
}

function mergeCommand(
  own: Partial<ContainerConfig>,
  image: Partial<ContainerConfig>,
): Pick<ContainerConfig, 'Cmd' | 'Entrypoint'> {
  const hasCommand = (own.Cmd ?? []).length > 0;
  if (isCleared(own.Entrypoint)) return { Entrypoint: null, Cmd: hasCommand ? (own.Cmd ?? null) : null };
  if ((own.Entrypoint ?? []).length > 0) return { Entrypoint: own.Entrypoint ?? null, Cmd: own.Cmd ?? null };
  return {
    Entrypoint: image.Entrypoint ?? null,
    Cmd: hasCommand ? (own.Cmd ?? null) : (image.Cmd ?? null),
  };
}

/** Without detours and the last slash; a relative one is refused later, as it was given. */
function cleanPath(path: string): string {
  return posix.isAbsolute(path) ? posix.normalize(path).replace(/(.)\/$/, '$1') : path;
}

/** The configuration of a container: what was asked for, completed by its image, in the way of Docker's create. */
export function mergeConfig(request: ContainerCreateRequest, image: Partial<ContainerConfig>): ContainerConfig {
  const { HostConfig: _host, NetworkingConfig: _network, ...own } = request;
  const volumes = { ...image.Volumes, ...own.Volumes };
  const exposed = { ...image.ExposedPorts, ...own.ExposedPorts };
  const env = mergeEnv(own.Env ?? [], image.Env ?? []);
  const health = mergeHealth(own.Healthcheck, image.Healthcheck);
  const stopSignal = own.StopSignal || image.StopSignal;
  const shell = own.Shell ?? image.Shell;
  return {
    ...own,
    Hostname: own.Hostname ?? '',
    Domainname: own.Domainname ?? '',
    User: own.User || (image.User ?? ''),
    AttachStdin: own.AttachStdin ?? false,
    AttachStdout: own.AttachStdout ?? false,
    AttachStderr: own.AttachStderr ?? false,
    ...(Object.keys(exposed).length > 0 && { ExposedPorts: exposed }),
    Tty: own.Tty ?? false,
    OpenStdin: own.OpenStdin ?? false,
    StdinOnce: own.StdinOnce ?? false,
    Env: env.length > 0 || own.Env != null ? env : null,
    ...mergeCommand(own, image),
    ...(health !== undefined && { Healthcheck: health }),
    Image: own.Image ?? '',
    Volumes: Object.keys(volumes).length > 0 ? volumes : null,
    WorkingDir: cleanPath(own.WorkingDir || (image.WorkingDir ?? '')),
    OnBuild: own.OnBuild ?? null,
    Labels: { ...image.Labels, ...own.Labels },
    ...(stopSignal && { StopSignal: stopSignal }),
    ...(shell !== undefined && { Shell: shell }),
  };
}
