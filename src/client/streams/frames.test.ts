import { expect, test } from 'bun:test';
import { FrameDecoder } from './frames.ts';

function frame(stream: number, text: string): Uint8Array {
  const payload = Buffer.from(text);
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

const all = Buffer.concat([frame(1, 'one '), frame(1, 'two '), frame(2, 'error'), frame(1, ''), frame(1, 'three')]);

const read = (decoder: FrameDecoder, bytes: Uint8Array): string[] =>
  decoder.decode(bytes).map((piece) => `${piece.stream}:${Buffer.from(piece.bytes).toString()}`);

test('adjacent frames of a stream come as one piece', () => {
  expect(read(new FrameDecoder(), Buffer.from(all))).toEqual(['stdout:one two ', 'stderr:error', 'stdout:three']);
});

test('frames may be cut anywhere', () => {
  for (let size = 1; size < 12; size++) {
    const decoder = new FrameDecoder();
    const text = { stdout: '', stderr: '' };
    for (let from = 0; from < all.length; from += size) {
      for (const piece of decoder.decode(Buffer.from(all.subarray(from, from + size)))) {
        text[piece.stream] += Buffer.from(piece.bytes).toString();
      }
    }
    expect(text).toEqual({ stdout: 'one two three', stderr: 'error' });
  }
});

test('what is no frame is refused', () => {
  expect(() => new FrameDecoder().decode(Buffer.from('HTTP/1.1 500'))).toThrow('Unrecognized input header: 72');
});
