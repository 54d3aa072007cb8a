import { describe, expect, test } from 'bun:test';
import { randomBytes, seeded } from '../testing/random.ts';
import { ProtocolFault } from './frames.ts';
import { encodeHeaders, type Header, HeaderDecoder } from './hpack.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const noLimit = 2 ** 30;

function faultOf(block: Buffer, limit = noLimit): string {
  try {
    new HeaderDecoder().decode(block, limit);
    return '';
  } catch (error) {
    return error instanceof ProtocolFault ? error.message : `thrown: ${error}`;
  }
}

describe('header blocks', () => {
  const get: Header[] = [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
  ];

  test('three requests share a table (RFC 7541, C.3)', () => {
    const decoder = new HeaderDecoder();
    expect(decoder.decode(hex('828684410f7777772e6578616d706c652e636f6d'), noLimit)).toEqual(get);
    expect(decoder.decode(hex('828684be58086e6f2d6361636865'), noLimit)).toEqual([
      ...get,
      ['cache-control', 'no-cache'],
    ]);
    expect(decoder.decode(hex('828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565'), noLimit)).toEqual([
      [':method', 'GET'],
      [':scheme', 'https'],
      [':path', '/index.html'],
      [':authority', 'www.example.com'],
      ['custom-key', 'custom-value'],
    ]);
  });

  test('the same with the Huffman code (RFC 7541, C.4)', () => {
    const decoder = new HeaderDecoder();
    expect(decoder.decode(hex('828684418cf1e3c2e5f23a6ba0ab90f4ff'), noLimit)).toEqual(get);
    expect(decoder.decode(hex('828684be5886a8eb10649cbf'), noLimit)).toEqual([...get, ['cache-control', 'no-cache']]);
    expect(decoder.decode(hex('828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf'), noLimit).at(-1)).toEqual([
      'custom-key',
      'custom-value',
    ]);
  });

  test('entries leave a table that is made smaller', () => {
    const decoder = new HeaderDecoder();
    decoder.decode(hex('400a637573746f6d2d6b65790c637573746f6d2d76616c7565'), noLimit);
    expect(decoder.decode(hex('be'), noLimit)).toEqual([['custom-key', 'custom-value']]);
    expect(decoder.decode(hex('20'), noLimit)).toEqual([]);
    expect(() => decoder.decode(hex('be'), noLimit)).toThrow('no entry 62');
  });

  test('what we write is read as it was', () => {
    const headers: Header[] = [...get, ['content-type', 'application/grpc'], ['x', ''], ['long', 'y'.repeat(70_000)]];
    expect(new HeaderDecoder().decode(encodeHeaders(headers), noLimit)).toEqual(headers);
  });

  test('what is malformed is refused', () => {
    expect(faultOf(hex('80'))).toContain('no entry 0');
    expect(faultOf(hex('ff808080808001'))).toContain('too large');
    expect(faultOf(hex('400a61'))).toContain('too soon');
    expect(faultOf(hex('3fe21f'))).toContain('larger than agreed');
    expect(faultOf(hex('4081 00 00'))).toContain('Huffman');
    expect(faultOf(hex('4084 ffffffff 00'))).toContain('Huffman');
    expect(faultOf(encodeHeaders([['long', 'y'.repeat(1000)]]), 500)).toContain('too many headers');
  });

  test('random bytes are headers or refused', () => {
    const random = seeded(7541);
    for (let round = 0; round < 5000; round += 1) {
      expect(faultOf(randomBytes(random, Math.floor(random() * 48)), 65_536)).not.toStartWith('thrown');
    }
  });
});
