import { fail } from '#std/errors';

/** What is typed to leave a container, when nothing else is set. */
export const defaultDetachKeys = 'ctrl-p,ctrl-q';

const controlCharacters: Readonly<Record<string, number>> = { '@': 0, '[': 27, '\\': 28, ']': 29, '^': 30, _: 31 };

/**
 * The bytes of a key sequence such as `ctrl-p,ctrl-q` or `a,b`.
 * @throws `invalid-argument`
 */
export function parseDetachKeys(text: string): Uint8Array {
  const codes = text.split(',').map((key) => {
    if (key.length === 1) return key.charCodeAt(0);
    const control = /^ctrl-(.)$/.exec(key)?.[1];
    if (control !== undefined && /[a-z]/.test(control)) return control.charCodeAt(0) - 96;
    const code = control === undefined ? undefined : controlCharacters[control];
    if (code === undefined)
      throw fail('invalid-argument', `invalid detach keys (${text}): Unknown character: '${key}'`);
    return code;
  });
  return Uint8Array.from(codes);
}

/** Finds the detach sequence in what is typed, across reads; what was only the beginning of it is passed on. */
export class DetachScanner {
  #matched = 0;

  constructor(readonly keys: Uint8Array) {}

  /** The bytes to pass on, and whether the sequence is complete (what follows it is dropped). */
  scan(bytes: Uint8Array): { pass: Uint8Array; detach: boolean } {
    const pass: number[] = [];
    for (const byte of bytes) {
      if (byte === this.keys[this.#matched]) {
        this.#matched++;
        if (this.#matched === this.keys.length) {
          this.#matched = 0;
          return { pass: Uint8Array.from(pass), detach: true };
        }
        continue;
      }
      pass.push(...this.keys.subarray(0, this.#matched));
      this.#matched = byte === this.keys[0] ? 1 : 0;
      if (this.#matched === 0) pass.push(byte);
    }
    return { pass: Uint8Array.from(pass), detach: false };
  }
}
