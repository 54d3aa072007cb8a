import { digestOf } from '#oci';

/** One text for equal values: keys sorted, what is undefined left out, bytes in base64. */
export function canonicalText(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return part.toString();
    if (part instanceof Uint8Array) return { base64: Buffer.from(part).toString('base64') };
    if (part instanceof Map) return Object.fromEntries([...part].sort(([one], [other]) => (one < other ? -1 : 1)));
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    // A Buffer gives its own JSON before it comes here.
    const { type, data } = part as { type?: unknown; data?: unknown };
    if (type === 'Buffer' && Array.isArray(data)) return { base64: Buffer.from(data as number[]).toString('base64') };
    return Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
}

/** The digest of a value by its `canonicalText`. */
export function canonicalDigest(value: unknown): string {
  return digestOf(canonicalText(value));
}
