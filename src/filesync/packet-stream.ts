/** The way to the other side of a transfer: a gRPC stream, or whatever carries messages in both directions. */
export interface PacketStream {
  /** Encoded packets as they come. Throws when the other side is gone; whoever stops reading lets go of the stream. */
  readonly packets: AsyncIterable<Uint8Array>;
  /** Sends an encoded packet; resolves when another may be sent. */
  send(packet: Uint8Array): Promise<void> | void;
  /** Says that nothing more will be sent. */
  end(): void;
}

/** Sends packets in their order, waited for by nobody until the end. */
export class OrderedPackets {
  #sent: Promise<void> = Promise.resolve();
  readonly #send: PacketStream['send'];
  readonly #onFailure: (error: unknown) => void;

  /** `onFailure` hears of a packet that could not be sent; none goes behind it. */
  constructor(send: PacketStream['send'], onFailure: (error: unknown) => void = () => undefined) {
    this.#send = send;
    this.#onFailure = onFailure;
  }

  readonly send = (packet: Uint8Array): void => {
    this.#sent = this.#sent.then(() => this.#send(packet));
    this.#sent.catch(this.#onFailure);
  };

  /** Resolves when all have gone, or one could not. */
  async settled(): Promise<void> {
    await this.#sent.catch(() => undefined);
  }
}
