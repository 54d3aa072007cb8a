import { expect, test } from 'bun:test';
import { findPortOwner } from './port-owner.ts';

test('who has a port', async () => {
  using server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  expect(findPortOwner('tcp', server.port)?.pid).toBe(process.pid);
  const socket = await Bun.udpSocket({ hostname: '127.0.0.1' });
  expect(findPortOwner('udp', socket.port)?.pid).toBe(process.pid);
  socket.close();
  expect(findPortOwner('udp', socket.port)).toBeUndefined();
});
