import { mkdirSync } from 'node:fs';
import { ConfinedDirectory } from '#linux/confined-directory';
import { fail, messageOf } from '#std/errors';
import { encodePacket, packetTypes } from './packet.ts';
import { OrderedPackets, type PacketStream } from './packet-stream.ts';
import { Receiver } from './receiver.ts';

/**
 * Puts what the other side sends into a directory, whatever is there stays beside it: an output of a build at its client. The files are
 * whose process it is. Throws `invalid-argument`, `unavailable`, `exhausted`.
 */
export async function receiveDirectory(directory: string, stream: PacketStream, signal: AbortSignal): Promise<void> {
  mkdirSync(directory, { recursive: true });
  using tree = new ConfinedDirectory(directory);
  const outgoing = new OrderedPackets((packet) => stream.send(packet));
  const { send } = outgoing;
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const receiver = new Receiver({ tree, present: [], differ: 'metadata', owner, send, onChange: () => undefined });
  try {
    for await (const packet of stream.packets) {
      signal.throwIfAborted();
      const wasFinished = receiver.isFinished;
      receiver.accept(packet);
      // Its answer to our own last word.
      if (wasFinished) return;
      if (receiver.isFinished) send(encodePacket({ type: packetTypes.end }));
    }
    if (!receiver.isFinished) throw fail('unavailable', 'the sender of files is gone');
  } catch (error) {
    if (!receiver.isFinished) send(encodePacket({ type: packetTypes.error, data: Buffer.from(messageOf(error)) }));
    throw error;
  } finally {
    receiver.abandon();
    await outgoing.settled();
    stream.end();
  }
}
