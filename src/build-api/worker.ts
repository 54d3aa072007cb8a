import { bool, embedded, int64, map, message, type Read, repeated, string } from '#grpc';
import { platform } from './llb.ts';

// What a builder says of itself (`moby.buildkit.v1.types`).

export const gcPolicy = message({
  all: bool(1),
  keepDuration: int64(2),
  filters: repeated(string(4)),
  reservedSpace: int64(3),
  maxUsedSpace: int64(5),
  minFreeSpace: int64(6),
});

export const buildkitVersion = message({
  package: string(1),
  version: string(2),
  revision: string(3),
});

export const cdiDevice = message({
  name: string(1),
  autoAllow: bool(2),
  annotations: map(3, string),
  onDemand: bool(4),
});
export type CdiDevice = Read<typeof cdiDevice>;

export const workerRecord = message({
  id: string(1),
  labels: map(2, string),
  platforms: repeated(embedded(3, platform)),
  gcPolicy: repeated(embedded(4, gcPolicy)),
  buildkitVersion: embedded(5, buildkitVersion),
  cdiDevices: repeated(embedded(6, cdiDevice)),
});
export type WorkerRecord = Read<typeof workerRecord>;
