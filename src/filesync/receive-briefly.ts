import { fail, messageOf } from '#std/errors';
import { KeptTransfer } from './kept-directory.ts';
import type { Opening } from './opening.ts';
import { encodePacket, packetTypes } from './packet.ts';
import { OrderedPackets, type PacketStream } from './packet-stream.ts';
import type { ReceiveJob, ReceiveOptions, ReceiveResult } from './receiver-pool.ts';

/** Far more than was promised: whoever sends that has no place on the engine's thread. */
const limitBytes = 16 * 1024 * 1024;

/** Receives what is little on this thread. Throws as `FileReceivers.receive`. */
export async function receiveBriefly(
  { directory, differ }: Omit<ReceiveJob, 'verb'>,
  { packets, rest }: Opening,
  stream: PacketStream,
  { signal }: ReceiveOptions,
): Promise<ReceiveResult> {
  const outgoing = new OrderedPackets((packet) => stream.send(packet));
  const { send } = outgoing;
  const transfer = new KeptTransfer(directory, { differ, send });
  try {
    for (const packet of packets) transfer.accept(packet);
    while (!transfer.isFinished) {
      const next = await rest.next();
      signal.throwIfAborted();
      if (next.done) throw fail('unavailable', 'the transfer broke off');
      transfer.accept(next.value);
      if (transfer.receivedBytes > limitBytes) throw fail('invalid-argument', 'file transfer: files that grow');
    }
    const { records, ...result } = transfer.settle();
    send(encodePacket({ type: packetTypes.end }));
    return { ...result, entries: records.length };
  } catch (error) {
    send(encodePacket({ type: packetTypes.error, data: Buffer.from(messageOf(error)) }));
    throw error;
  } finally {
    transfer.close();
    await outgoing.settled();
  }
}
