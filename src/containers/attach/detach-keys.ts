import { Transform } from 'node:stream';
import { fail } from '#std/errors';

const defaultKeys = 'ctrl-p,ctrl-q';

function keyByte(key: string): number | undefined {
  const control = /^ctrl-([a-z@[\\\]^_])$/i.exec(key);
  if (control?.[1] !== undefined) return control[1].toUpperCase().charCodeAt(0) - 64;
  if (key === 'DEL') return 127;
  return Buffer.byteLength(key) === 1 ? key.charCodeAt(0) : undefined;
}

/**
 * The bytes of a detach sequence such as `ctrl-p,ctrl-q`; throws `invalid-argument` for unknown keys, which Docker calls by
 * another name where an exec is created.
 */
export function detachBytes(keys: string | undefined, what: 'detach' | 'escape' = 'detach'): Buffer {
  const bytes = (keys || defaultKeys).split(',').map(keyByte);
  const known = bytes.filter((byte) => byte !== undefined);
  if (known.length < bytes.length) throw fail('invalid-argument', `Invalid ${what} keys (${keys}) provided`);
  return Buffer.from(known);
}

/**
 * Passes a terminal's input on until the detach sequence comes, which it swallows and reports. A prefix of the sequence
 * is held back until it is clear that the rest does not follow.
 */
export function detachFilter(sequence: Buffer, onDetach: () => void): Transform {
  let matched = 0;
  let detached = false;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (matched === 0 && !detached && !chunk.includes(sequence.subarray(0, 1))) {
        done(null, chunk);
        return;
      }
      const passed: number[] = [];
      for (const byte of chunk) {
        if (detached) break;
        if (byte !== sequence[matched]) {
          passed.push(...sequence.subarray(0, matched));
          matched = 0;
        }
        if (byte === sequence[matched]) matched += 1;
        else passed.push(byte);
        if (matched === sequence.length) {
          detached = true;
          onDetach();
        }
      }
      if (passed.length > 0 && !detached) this.push(Buffer.from(passed));
      done();
    },
    flush(done) {
      if (!detached && matched > 0) this.push(sequence.subarray(0, matched));
      done();
    },
  });
}
