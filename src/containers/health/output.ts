/** How much of a probe's output is kept. */
const keptBytes = 4096;

/** The beginning of what a probe says. */
export interface Output {
  add(bytes: Uint8Array): void;
  /** Whether there was more than is kept: nothing that comes now changes the text. */
  readonly isCut: boolean;
  /** With three dots behind it when there was more, as Docker marks it. */
  text(): string;
}

/** Keeps the beginning of an output, and lets the rest go. */
export function keptOutput(): Output {
  const parts: Uint8Array[] = [];
  let length = 0;
  let isCut = false;
  return {
    add(bytes) {
      const kept = bytes.slice(0, keptBytes - length);
      if (kept.length < bytes.length) isCut = true;
      if (kept.length === 0) return;
      parts.push(kept);
      length += kept.length;
    },
    get isCut() {
      return isCut;
    },
    text: () => Buffer.concat(parts).toString('utf8') + (isCut ? '...' : ''),
  };
}
