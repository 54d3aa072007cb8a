import { readSync, writeSync } from 'node:fs';
import { dieWithParent } from '#linux/process';
import { fail, kindOf, messageOf } from '#std/errors';
import { FrameReader, frameKinds, frameOf } from '../frames.ts';
import { KeptTransfer } from '../kept-directory.ts';
import { encodePacket, packetTypes } from '../packet.ts';
import type { ReceiveAnswer, ReceiveJob } from '../receiver-pool.ts';

const readBytes = 1024 * 1024;
const progressBytes = 1024 * 1024;

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

/** One transfer after the other; each ends with its result, after which packets of it that still come mean nothing. */
class Work {
  readonly #answers: Answers;
  #transfer: KeptTransfer | undefined;
  #toldBytes = 0;

  constructor(answers: Answers) {
    this.#answers = answers;
  }

  begin(payload: Buffer): void {
    const { directory, differ } = JSON.parse(payload.toString()) as ReceiveJob;
    this.#toldBytes = 0;
    this.#attempt(() => {
      const send = (packet: Uint8Array): void => this.#answers.add(frameKinds.packet, packet);
      this.#transfer = new KeptTransfer(directory, { differ, send });
    });
  }

  packet(payload: Buffer): void {
    const transfer = this.#transfer;
    if (transfer === undefined) return;
    this.#attempt(() => {
      transfer.accept(payload);
      if (transfer.isFinished) this.#finish(transfer);
      else if (transfer.receivedBytes - this.#toldBytes >= progressBytes) this.#tell(transfer);
    });
  }

  /** The other side is gone. */
  end(): void {
    if (this.#transfer === undefined) return;
    this.#attempt(() => {
      throw fail('unavailable', 'the transfer broke off');
    });
  }

  #finish(transfer: KeptTransfer): void {
    const { isChanged, sizeBytes, receivedBytes, requestedFiles, records } = transfer.settle();
    this.#tell(transfer);
    this.#close();
    this.#answers.add(frameKinds.packet, encodePacket({ type: packetTypes.end }));
    this.#answer({ result: { isChanged, sizeBytes, receivedBytes, requestedFiles, entries: records.length } });
  }

  #tell(transfer: KeptTransfer): void {
    this.#toldBytes = transfer.receivedBytes;
    this.#answers.addJson(frameKinds.progress, this.#toldBytes);
  }

  #attempt(body: () => void): void {
    try {
      body();
    } catch (error) {
      this.#close();
      const message = messageOf(error);
      this.#answers.add(frameKinds.packet, encodePacket({ type: packetTypes.error, data: Buffer.from(message) }));
      this.#answer({ error: { kind: kindOf(error), message } });
    }
  }

  #answer(answer: ReceiveAnswer): void {
    this.#answers.addJson(frameKinds.result, answer);
  }

  #close(): void {
    this.#transfer?.close();
    this.#transfer = undefined;
  }
}

/**
 * Runs a receiver's process: it brings directories up to date, one after the other, until its input ends, which is when its engine is
 * gone. It does nothing else, so it waits in the kernel for whatever it reads and writes.
 */
export function runFileReceiver(): void {
  dieWithParent();
  const memory = Buffer.allocUnsafe(readBytes);
  const frames = new FrameReader();
  const answers = new Answers();
  const work = new Work(answers);
  for (;;) {
    const count = readSync(0, memory, 0, memory.length, null);
    if (count === 0) return;
    for (const { kind, payload } of frames.take(memory.subarray(0, count))) {
      if (kind === frameKinds.begin) work.begin(payload);
      else if (kind === frameKinds.packet) work.packet(payload);
      else if (kind === frameKinds.end) work.end();
    }
    answers.flush();
  }
}
