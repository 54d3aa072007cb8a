import type { ContainerRecord } from './record.ts';

/**
 * A record as this engine writes it, from one that an older engine wrote: the first ones kept an endpoint under
 * `default`, as clients name the network that a container has when it names none.
 */
export function upToDate(record: ContainerRecord): ContainerRecord {
  const { default: unnamed, ...named } = record.endpoints;
  if (unnamed === undefined) return record;
  return { ...record, endpoints: { [record.hostConfig.NetworkMode]: unnamed, ...named } };
}
