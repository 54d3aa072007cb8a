export { type ConnectOptions, connectKeeper } from './client.ts';
export * from './protocol.ts';
