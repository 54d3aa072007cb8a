import { connect, type Socket } from 'node:net';
import { connectGrpc, type GrpcClientConnection } from '#grpc';

/** A connection to an engine's socket that has asked for HTTP/2 at `path`, and whose answer has been read. */
export async function upgrade(socketPath: string, path: string, headers: readonly string[] = []): Promise<Socket> {
  const socket = connect(socketPath);
  const lines = ['Host: engine', 'Connection: Upgrade', 'Upgrade: h2c', 'Content-Length: 0', ...headers];
  socket.write(`POST ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  let head = Buffer.alloc(0);
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    head = Buffer.concat([head, chunk as Buffer]);
    if (head.includes('\r\n\r\n')) break;
  }
  const end = head.indexOf('\r\n\r\n') + 4;
  const text = head.subarray(0, end).toString();
  if (!text.startsWith('HTTP/1.1 101 ')) throw new Error(`not upgraded: ${head.toString()}`);
  if (head.length > end) socket.unshift(head.subarray(end));
  return socket;
}

/** A client of BuildKit's services of an engine. */
export async function connectBuildkit(socketPath: string): Promise<GrpcClientConnection> {
  return connectGrpc(await upgrade(socketPath, '/grpc'));
}
