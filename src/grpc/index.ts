export { duplexOfCall, duplexOfHandler } from './byte-duplex.ts';
export { connectGrpc } from './client.ts';
export { failCall, GrpcError, type StatusName, statusCodes, statusOf } from './failure.ts';
export {
  bigint64,
  bool,
  bytes,
  double,
  embedded,
  enumeration,
  int32,
  int64,
  map,
  numberMap,
  optional,
  repeated,
  string,
  uint32,
  uint64,
} from './fields.ts';
export { implement } from './implement.ts';
export { type Message, message, type Read, raw, type Written } from './message.ts';
export { serveGrpc } from './server.ts';
export {
  bidirectional,
  clientStream,
  type Method,
  methodPath,
  type Service,
  serverStream,
  service,
  unary,
} from './service.ts';
export { type Any, any, type Status, status } from './status.ts';
export type {
  CallOptions,
  Client,
  ClientStream,
  GrpcClientConnection,
  GrpcConnection,
  Handlers,
  Implementation,
  MessageStream,
  Metadata,
  ServerCall,
} from './types.ts';
