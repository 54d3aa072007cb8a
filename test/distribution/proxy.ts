import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A proxy that takes every host for this machine, and remembers what it was asked. */
export async function startProxy() {
  const asked: string[] = [];
  const authorizations: string[] = [];
  const sockets = new Set<Socket>();
  const couple = (one: Socket, other: Socket): void => {
    for (const [socket, peer] of [
      [one, other],
      [other, one],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => peer.destroySoon());
    }
    one.pipe(other).pipe(one);
  };
  const server = createServer((client) => {
    client.once('data', (head: Buffer) => {
      const text = head.toString('latin1');
      const [method = '', target = ''] = text.split(' ');
      asked.push(`${method} ${target}`);
      authorizations.push(/^proxy-authorization: (.*)\r$/im.exec(text)?.[1] ?? '');
      const upstream = connect(Number(/:(\d+)/.exec(target)?.[1]), '127.0.0.1', () => {
        if (method === 'CONNECT') client.write('HTTP/1.1 200 OK\r\n\r\n');
        else upstream.write(head);
        couple(client, upstream);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    authorizations,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
