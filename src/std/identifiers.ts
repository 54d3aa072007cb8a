/** A fresh 64-digit hexadecimal identifier, never all decimal digits in its first 12 (those read as a number). */
export function newId(): string {
  for (;;) {
    // The global crypto, for node:crypto costs every process that only shortens an identifier 8 ms of start-up.
    const id = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex');
    if (!/^\d{12}/.test(id)) return id;
  }
}

/** The first 12 digits, as people see them. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12);
}
