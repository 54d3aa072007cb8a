/** The way to the other side of a transfer: a gRPC stream, or whatever carries messages in both directions. */
export interface PacketStream {
  /** Encoded packets as they come. Throws when the other side is gone; whoever stops reading lets go of the stream. */
  readonly packets: AsyncIterable<Uint8Array>;
  /** Sends an encoded packet; resolves when another may be sent. */
  send(packet: Uint8Array): Promise<void> | void;
  /** Says that nothing more will be sent. */
  end(): void;
}
