import { bool, bytes, embedded, enumeration, message, type Read, repeated, status, string, uint32 } from '#grpc';
import { hostIp, meta, mount, platform, secretEnv, workerConstraints } from './llb.ts';

// Processes that a frontend runs in containers of its own.

export const newContainerRequest = message({
  containerId: string(1),
  mounts: repeated(embedded(2, mount)),
  network: enumeration(3),
  platform: embedded(4, platform),
  constraints: embedded(5, workerConstraints),
  extraHosts: repeated(embedded(6, hostIp)),
  hostname: string(7),
});
export type NewContainerRequest = Read<typeof newContainerRequest>;

export const newContainerResponse = message({});

export const releaseContainerRequest = message({
  containerId: string(1),
});
export type ReleaseContainerRequest = Read<typeof releaseContainerRequest>;

export const releaseContainerResponse = message({});

const initMessage = message({
  containerId: string(1),
  meta: embedded(2, meta),
  fds: repeated(uint32(3)),
  tty: bool(4),
  security: enumeration(5),
  secretenv: repeated(embedded(6, secretEnv)),
});
export type InitMessage = Read<typeof initMessage>;

const fdMessage = message({
  fd: uint32(1),
  eof: bool(2),
  data: bytes(3),
});

const resizeMessage = message({
  rows: uint32(1),
  cols: uint32(2),
});

const startedMessage = message({});

export const exitMessage = message({
  code: uint32(1),
  error: embedded(2, status),
});

const doneMessage = message({});

const signalMessage = message({
  name: string(1),
});

export const execMessage = message({
  processId: string(1),
  init: embedded(2, initMessage),
  file: embedded(3, fdMessage),
  resize: embedded(4, resizeMessage),
  started: embedded(5, startedMessage),
  exit: embedded(6, exitMessage),
  done: embedded(7, doneMessage),
  signal: embedded(8, signalMessage),
});
export type ExecMessage = Read<typeof execMessage>;
