import { Transform, Writable } from 'node:stream';
import type { Attachment } from '#containers';
import { encodeFrame, FrameReader, opcodes } from './frames.ts';

const normalClosure = 1000;
const protocolViolation = 1002;
/** Answers to pings wait for a client that reads; beyond this they are left out (section 5.5.3 wants the newest only). */
const mostWaitingBytes = 64 * 1024;

function closeFrame(code: number): Buffer {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  return encodeFrame(opcodes.close, payload);
}

/** An attachment whose two sides speak WebSocket frames: what goes out is wrapped, what comes in unwrapped. */
export function overWebSocket(attachment: Attachment, opcode: number): Attachment {
  let closeSent = false;
  const output = new Transform({
    transform: (chunk: Buffer, _encoding, done) => done(null, closeSent ? undefined : encodeFrame(opcode, chunk)),
    flush: (done) => done(null, closeSent ? undefined : closeFrame(normalClosure)),
  });
  attachment.output.on('error', (error) => output.destroy(error));
  // A detach closes it without an end: the client is still told.
  attachment.output.once('close', () => output.end());
  attachment.output.pipe(output);

  const sayGoodbye = (frame: Buffer): void => {
    if (closeSent) return;
    closeSent = true;
    output.push(frame);
    attachment.output.unpipe(output);
    output.end();
    attachment.input.end(() => attachment.close());
    if (attachment.input.destroyed) attachment.close();
  };
  let isFull = false;
  const reader = new FrameReader({
    data: (bytes) => {
      if (!closeSent && attachment.input.writable) isFull = !attachment.input.write(bytes) || isFull;
    },
    control: (kind, payload) => {
      if (kind === opcodes.close) sayGoodbye(encodeFrame(opcodes.close, payload.subarray(0, 2)));
      else if (kind === opcodes.ping && !closeSent && output.readableLength < mostWaitingBytes)
        output.push(encodeFrame(opcodes.pong, payload));
    },
  });
  const input = new Writable({
    write(chunk: Buffer, _encoding, done) {
      try {
        reader.add(chunk);
      } catch {
        sayGoodbye(closeFrame(protocolViolation));
      }
      if (!isFull || closeSent) {
        done();
        return;
      }
      isFull = false;
      const goOn = (): void => {
        for (const event of ['drain', 'close']) attachment.input.off(event, goOn);
        done();
      };
      for (const event of ['drain', 'close']) attachment.input.on(event, goOn);
    },
    final(done) {
      if (attachment.input.writable) attachment.input.end();
      done();
    },
  });
  attachment.input.on('error', () => undefined);
  return { output, input, terminal: attachment.terminal, close: () => attachment.close() };
}
