import type { SystemInformation } from './types.ts';

/** What this host cannot do for containers, in Docker's words; the docker CLI prints each line. */
export function hostWarnings({ cgroups, host }: Pick<SystemInformation, 'cgroups' | 'host'>): string[] {
  const wanted: readonly (readonly [boolean, string])[] = [
    [cgroups.memoryLimit, 'No memory limit support'],
    [cgroups.swapLimit, 'No swap limit support'],
    [cgroups.oomKillDisable || cgroups.version === '2', 'No oom kill disable support'],
    [cgroups.cpuQuota, 'No cpu cfs quota support'],
    [cgroups.cpuQuota, 'No cpu cfs period support'],
    [cgroups.cpuShares, 'No cpu shares support'],
    [cgroups.cpuset, 'No cpuset support'],
    [host.ipv4Forwarding, 'IPv4 forwarding is disabled'],
  ];
  return wanted.flatMap(([isThere, text]) => (isThere ? [] : [`WARNING: ${text}`]));
}
