import type { Version } from '#api';
import type { Endpoint } from '../exchange.ts';
import { json } from '../exchange.ts';
import { newestVersion, oldestVersion } from '../version.ts';
import type { SystemInformation } from './types.ts';

/** The answer of `GET /version`. */
export function describeVersion(system: SystemInformation): Version {
  const facts = {
    ApiVersion: newestVersion,
    MinAPIVersion: oldestVersion,
    GitCommit: system.gitCommit,
    // Docker's field for the language it is written in; clients print it.
    GoVersion: `bun ${Bun.version}`,
    Os: 'linux',
    Arch: system.host.architecture,
    KernelVersion: system.host.kernelVersion,
    BuildTime: system.buildTime,
  };
  return {
    Platform: { Name: 'Estiba' },
    Components: [
      { Name: 'Engine', Version: system.version, Details: { ...facts, Experimental: 'false' } },
      ...system.components.map(({ name, version, details }) => ({
        Name: name,
        Version: version,
        Details: { ...details },
      })),
    ],
    Version: system.version,
    ...facts,
  };
}

/** `GET /version` */
export function version(system: SystemInformation): Endpoint {
  return () => json(describeVersion(system));
}
