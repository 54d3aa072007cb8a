import type { ContainerSummary } from '#api';
import { type Networks, portSummaries } from '#networks';
import { endpointsOf } from '../networks/view.ts';
import { type ContainerRecord, commandLine } from '../record.ts';
import { statusOf, statusText } from './status.ts';

/** One row of `GET /containers/json`, without sizes. */
export function summarize(
  record: ContainerRecord,
  networks: Networks,
  imageReference: (record: ContainerRecord) => string,
  linkedNames: readonly string[],
): ContainerSummary {
  const { path, args } = commandLine(record);
  const sandbox = networks.sandbox(record.id);
  const annotations = record.hostConfig.Annotations;
  return {
    Id: record.id,
    Names: [`/${record.name}`, ...linkedNames],
    Image: imageReference(record),
    ImageID: record.imageId,
    Command: [path, ...args.map((argument) => (argument.includes(' ') ? `'${argument}'` : argument))].join(' '),
    Created: Number(BigInt(record.createdAtNs) / 1_000_000_000n),
    Ports: portSummaries(sandbox?.ports ?? {}),
    Labels: record.config.Labels,
    State: statusOf(record),
    Status: statusText(record),
    HostConfig: {
      NetworkMode: record.hostConfig.NetworkMode,
      ...(annotations !== undefined && { Annotations: annotations }),
    },
    NetworkSettings: { Networks: { ...endpointsOf(record, networks) } },
    Mounts: [...record.mounts],
  };
}
