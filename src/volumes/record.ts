import type { Volume } from '#api';

/** Everything durable about a volume; its name is its identity. */
export interface VolumeRecord {
  readonly id: string;
  /** RFC 3339, to the second. */
  readonly createdAt: string;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly options: Readonly<Record<string, string>> | null;
}

export const localDriver = 'local';
/** Label of a volume to which nobody gave a name: pruned first. */
export const anonymousLabel = 'com.docker.volume.anonymous';

/** A volume in the API's form. */
export function volumeOf(record: VolumeRecord, mountpoint: string): Volume {
  return {
    CreatedAt: record.createdAt,
    Driver: localDriver,
    Labels: record.labels === null ? null : { ...record.labels },
    Mountpoint: mountpoint,
    Name: record.id,
    Options: record.options === null ? null : { ...record.options },
    Scope: 'local',
  };
}
