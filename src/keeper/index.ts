export { type ConnectOptions, connectKeeper } from './client.ts';
export { type LocalRecord, localFrameBytes, localRecordAt } from './local-log.ts';
export { identityTailBytes, rotatedIdentity } from './log-identity.ts';
export * from './protocol.ts';
