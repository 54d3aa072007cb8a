import { describe, expect, test } from 'bun:test';
import { encodeFrame, FrameReader, opcodes, ProtocolError } from './frames.ts';

const mask = [0x12, 0x34, 0x56, 0x78];

function clientFrame(first: number, payload: Buffer, masked = true): Buffer {
  const plain = encodeFrame(first & 0x0f, payload);
  const headBytes = plain.length - payload.length;
  plain[0] = first;
  if (!masked) return plain;
  plain[1] = (plain[1] ?? 0) | 0x80;
  const body = payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return Buffer.concat([plain.subarray(0, headBytes), Buffer.from(mask), body]);
}

function read(pieces: readonly Buffer[]): string[] {
  const heard: string[] = [];
  const reader = new FrameReader({
    data: (bytes) => heard.push(bytes.toString()),
    control: (opcode, payload) => heard.push(`${opcode}:${payload.toString()}`),
  });
  for (const piece of pieces) reader.add(piece);
  return heard;
}

describe('WebSocket frames', () => {
  test('come whole however they are cut', () => {
    const bytes = Buffer.concat([
      clientFrame(0x82, Buffer.from('hello')),
      clientFrame(0x02, Buffer.from('a')),
      clientFrame(0x89, Buffer.from('ping')),
      clientFrame(0x80, Buffer.from('b')),
      clientFrame(0x88, Buffer.alloc(0)),
    ]);
    expect(read([bytes])).toEqual(['hello', 'a', '9:ping', 'b', '8:']);
    const single = read(Array.from(bytes, (_, index) => bytes.subarray(index, index + 1)));
    expect(single.join('')).toBe('helloa9:pingb8:');
  });

  test('of every length are written and read', () => {
    for (const length of [0, 125, 126, 65_535, 65_536, 200_000]) {
      const text = 'x'.repeat(length);
      expect(read([clientFrame(0x81, Buffer.from(text))]).join('')).toBe(text);
    }
    expect([...encodeFrame(opcodes.binary, Buffer.from('a'))]).toEqual([0x82, 1, 97]);
  });

  test('that no client may send are refused', () => {
    const data = Buffer.from('x');
    const wrong = [
      clientFrame(0x82, data, false),
      clientFrame(0xc2, data),
      clientFrame(0x80, data),
      Buffer.concat([clientFrame(0x02, data), clientFrame(0x82, data)]),
      clientFrame(0x83, data),
      clientFrame(0x8b, data),
      clientFrame(0x09, data),
      clientFrame(0x89, Buffer.alloc(126)),
    ];
    for (const bytes of wrong) expect(() => read([bytes])).toThrow(ProtocolError);
  });
});
