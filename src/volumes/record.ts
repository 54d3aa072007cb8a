import type { Volume } from '#api';
import type { DriverVolume } from './driver.ts';

/** Everything durable about a volume; its name is its identity. */
export interface VolumeRecord {
  readonly id: string;
  /** RFC 3339, to the second. */
  readonly createdAt: string;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly options: Readonly<Record<string, string>> | null;
  /** Name of the plugin that keeps it; the local driver when not said. */
  readonly driver?: string;
  /** Containers for which the plugin was asked to mount it, and not yet to unmount. */
  readonly mountedFor?: readonly string[];
}

export const localDriver = 'local';
/** Label of a volume to which nobody gave a name: pruned first. */
export const anonymousLabel = 'com.docker.volume.anonymous';
/** When a volume was made of which nobody says when. */
const unknownTime = '0001-01-01T00:00:00Z';

/** The present time as records have it. */
export function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Name of the driver that keeps a volume. */
export function driverOf({ driver }: VolumeRecord): string {
  return driver ?? localDriver;
}

/** A copy with the keys in their order, as Go writes maps. */
function sorted(map: Readonly<Record<string, string>> | null): Record<string, string> | null {
  return map === null
    ? null
    : Object.fromEntries(Object.entries(map).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** A volume in the API's form: the record's part, and what its driver tells. */
export function volumeOf(record: VolumeRecord, told: Omit<DriverVolume, 'name'> & { scope: string }): Volume {
  return {
    CreatedAt: record.driver === undefined ? record.createdAt : (told.createdAt ?? unknownTime),
    Driver: driverOf(record),
    Labels: sorted(record.labels),
    Mountpoint: told.mountpoint,
    Name: record.id,
    Options: sorted(record.options),
    Scope: told.scope,
    ...(told.status !== undefined && { Status: told.status }),
  };
}
