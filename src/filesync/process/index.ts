import { readSync, writeSync } from 'node:fs';
import { dieWithParent } from '#linux/process';
import { fail, kindOf, messageOf } from '#std/errors';
import { FrameReader, frameKinds, frameOf } from '../frames.ts';
import { KeptTransfer } from '../kept-directory.ts';
import { encodePacket, packetTypes } from '../packet.ts';
import type { ReceiveAnswer, ReceiveJob } from '../receiver-pool.ts';
import { UnpackedTar } from '../unpacked-tar.ts';

const readBytes = 1024 * 1024;

function writeAll(bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(1, bytes, written);
}

/** What there is to be sent goes when all that has come is dealt with. */
class Answers {
  #pieces: Uint8Array[] = [];

  add(kind: number, payload: Uint8Array): void {
    this.#pieces.push(frameOf(kind, payload));
  }

  addJson(kind: number, value: unknown): void {
    this.add(kind, Buffer.from(JSON.stringify(value)));
  }

  flush(): void {
    if (this.#pieces.length === 0) return;
    writeAll(Buffer.concat(this.#pieces));
    this.#pieces = [];
  }
}

/** One job after the other; each ends with its result, after which what still comes of it means nothing. */
class Work {
  readonly #answers: Answers;
  #transfer: KeptTransfer | undefined;
  #tar: UnpackedTar | undefined;

  constructor(answers: Answers) {
    this.#answers = answers;
  }

  async take(kind: number, payload: Buffer): Promise<void> {
    try {
      if (kind === frameKinds.begin) this.#begin(JSON.parse(payload.toString()) as ReceiveJob);
      else if (kind === frameKinds.packet) await this.#piece(payload);
      else if (kind === frameKinds.end) this.#end();
    } catch (error) {
      this.#fail(error);
    }
  }

  #begin({ verb, directory, differ }: ReceiveJob): void {
    const send = (packet: Uint8Array): void => this.#answers.add(frameKinds.packet, packet);
    if (verb === 'unpack') this.#tar = new UnpackedTar(directory);
    else this.#transfer = new KeptTransfer(directory, { differ, send });
  }

  async #piece(payload: Buffer): Promise<void> {
    // A header that is cut in two is held until the rest comes: by then this memory is used again.
    await this.#tar?.write(Buffer.from(payload));
    this.#transfer?.accept(payload);
    if (this.#transfer?.isFinished) this.#finish(this.#transfer);
  }

  #end(): void {
    if (this.#transfer !== undefined) throw fail('unavailable', 'the transfer broke off');
    if (this.#tar === undefined) return;
    const result = this.#tar.settle();
    this.#close();
    this.#answer({ result });
  }

  #finish(transfer: KeptTransfer): void {
    const { records, ...result } = transfer.settle();
    this.#close();
    this.#answers.add(frameKinds.packet, encodePacket({ type: packetTypes.end }));
    this.#answer({ result: { ...result, entries: records.length } });
  }

  #fail(error: unknown): void {
    const isTransfer = this.#tar === undefined;
    this.#close();
    const message = messageOf(error);
    const packet = { type: packetTypes.error, data: Buffer.from(message) };
    if (isTransfer) this.#answers.add(frameKinds.packet, encodePacket(packet));
    this.#answer({ error: { kind: kindOf(error), message } });
  }

  #answer(answer: ReceiveAnswer): void {
    this.#answers.addJson(frameKinds.result, answer);
  }

  #close(): void {
    this.#transfer?.close();
    this.#tar?.close();
    this.#transfer = undefined;
    this.#tar = undefined;
  }
}

/**
 * Runs a receiver's process: it brings directories up to date, one after the other, until its input ends, which is when its engine is
 * gone. It does nothing else, so it waits in the kernel for whatever it reads and writes.
 */
export async function runFileReceiver(): Promise<void> {
  dieWithParent();
  // Files are made with the mode that they have in the end.
  process.umask(0);
  const memory = Buffer.allocUnsafe(readBytes);
  const frames = new FrameReader();
  const answers = new Answers();
  const work = new Work(answers);
  for (;;) {
    const count = readSync(0, memory, 0, memory.length, null);
    if (count === 0) return;
    for (const { kind, payload } of frames.take(memory.subarray(0, count))) await work.take(kind, payload);
    answers.flush();
  }
}
