import { describe, expect, test } from 'bun:test';
import { MalformedRequest, parseHead } from './head.ts';

function parse(...lines: string[]) {
  return parseHead(lines.join('\r\n'));
}

describe('request heads', () => {
  test('line, headers, framing', () => {
    const head = parse('POST /a?b=c HTTP/1.1', 'Host: d', 'X-A:  1 ', 'x-a: 2', 'Content-Length: 5');
    expect(head).toMatchObject({
      method: 'POST',
      target: '/a?b=c',
      minorVersion: 1,
      framing: { kind: 'length', bytes: 5 },
      keepAlive: true,
    });
    expect(head.headers.get('x-a')).toBe('1, 2');
    expect(parse('GET http://host:1/a HTTP/1.1', 'Host: d').target).toBe('/a');
    expect(parse('GET / HTTP/1.0').keepAlive).toBe(false);
    expect(parse('GET / HTTP/1.1', 'Host: d', 'Connection: keep-alive, Close').keepAlive).toBe(false);
    expect(parse('POST / HTTP/1.1', 'Host: d', 'Transfer-Encoding: Chunked').framing).toEqual({ kind: 'chunked' });
  });

  test.each([
    ['no host', ['GET / HTTP/1.1']],
    ['no request line', ['foo bar baz']],
    ['another protocol', ['GET / HTTP/2.0', 'Host: d']],
    ['space in the target', ['GET /a b HTTP/1.1', 'Host: d']],
    ['a target that is no path', ['GET a HTTP/1.1', 'Host: d']],
    ['folded header', ['GET / HTTP/1.1', 'Host: d', ' folded']],
    ['space before the colon', ['GET / HTTP/1.1', 'Host : d']],
    ['control character', ['GET / HTTP/1.1', 'Host: d\x00']],
    ['bare line feed', ['GET / HTTP/1.1', 'Host: d\nX: y']],
    ['two lengths', ['POST / HTTP/1.1', 'Host: d', 'Content-Length: 1', 'Content-Length: 2']],
    ['length and chunked', ['POST / HTTP/1.1', 'Host: d', 'Content-Length: 1', 'Transfer-Encoding: chunked']],
    ['negative length', ['POST / HTTP/1.1', 'Host: d', 'Content-Length: -1']],
    ['unknown encoding', ['POST / HTTP/1.1', 'Host: d', 'Transfer-Encoding: gzip, chunked']],
  ])('refused: %s', (_, lines) => {
    expect(() => parse(...lines)).toThrow(MalformedRequest);
  });
});
