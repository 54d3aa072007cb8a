import {
  bidirectional,
  bytes,
  embedded,
  enumeration,
  int64,
  map,
  message,
  type Read,
  repeated,
  serverStream,
  service,
  string,
  unary,
} from '#grpc';
import { empty, timestamp } from './timestamp.ts';

// Blobs of a client: its caches and OCI layouts (`containerd.services.content.v1`).

export const info = message({
  digest: string(1),
  size: int64(2),
  createdAt: embedded(3, timestamp),
  updatedAt: embedded(4, timestamp),
  labels: map(5, string),
});
export type Info = Read<typeof info>;

export const infoRequest = message({
  digest: string(1),
});
export type InfoRequest = Read<typeof infoRequest>;

export const infoResponse = message({
  info: embedded(1, info),
});
export type InfoResponse = Read<typeof infoResponse>;

export const updateRequest = message({
  info: embedded(1, info),
});

const updateResponse = message({
  info: embedded(1, info),
});

const listContentRequest = message({
  filters: repeated(string(1)),
});

const listContentResponse = message({
  info: repeated(embedded(1, info)),
});

const deleteContentRequest = message({
  digest: string(1),
});

export const readContentRequest = message({
  digest: string(1),
  offset: int64(2),
  size: int64(3),
});
export type ReadContentRequest = Read<typeof readContentRequest>;

export const readContentResponse = message({
  offset: int64(1),
  data: bytes(2),
});

export const status = message({
  startedAt: embedded(1, timestamp),
  updatedAt: embedded(2, timestamp),
  ref: string(3),
  offset: int64(4),
  total: int64(5),
  expected: string(6),
});
export type Status = Read<typeof status>;

export const statusRequest = message({
  ref: string(1),
});
export type StatusRequest = Read<typeof statusRequest>;

export const statusResponse = message({
  status: embedded(1, status),
});
export type StatusResponse = Read<typeof statusResponse>;

const listStatusesRequest = message({
  filters: repeated(string(1)),
});

const listStatusesResponse = message({
  statuses: repeated(embedded(1, status)),
});

const writeContentRequest = message({
  action: enumeration(1),
  ref: string(2),
  total: int64(3),
  expected: string(4),
  offset: int64(5),
  data: bytes(6),
  labels: map(7, string),
});
export type WriteContentRequest = Read<typeof writeContentRequest>;

export const writeContentResponse = message({
  action: enumeration(1),
  startedAt: embedded(2, timestamp),
  updatedAt: embedded(3, timestamp),
  offset: int64(4),
  total: int64(5),
  digest: string(6),
});

const abortRequest = message({
  ref: string(1),
});

export const writeActions = { stat: 0, write: 1, commit: 2 } as const;

export const contentService = service('containerd.services.content.v1.Content', {
  Info: unary(infoRequest, infoResponse),
  Update: unary(updateRequest, updateResponse),
  List: serverStream(listContentRequest, listContentResponse),
  Delete: unary(deleteContentRequest, empty),
  Read: serverStream(readContentRequest, readContentResponse),
  Status: unary(statusRequest, statusResponse),
  ListStatuses: unary(listStatusesRequest, listStatusesResponse),
  Write: bidirectional(writeContentRequest, writeContentResponse),
  Abort: unary(abortRequest, empty),
});
