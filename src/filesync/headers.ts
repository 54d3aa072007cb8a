import type { Metadata } from '#grpc';

/** Headers of a call for files, by BuildKit's names (`session/filesync`). */
export const headerNames = {
  directory: 'dir-name',
  includes: 'include-patterns',
  excludes: 'exclude-patterns',
  follows: 'followpaths',
  exporterId: 'buildkit-attachable-exporter-id',
  exporterPrefix: 'exporter-md-',
} as const;

const encodedSuffix = '-encoded';

function escaped(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

/** Values for a header: where one of them is not ASCII all are escaped, and another header says so. Empty lists are left out. */
export function encodeHeaders(values: Readonly<Record<string, readonly string[]>>): Record<string, readonly string[]> {
  const headers: Record<string, readonly string[]> = {};
  for (const [name, list] of Object.entries(values)) {
    if (list.length === 0) continue;
    const isPlain = list.every((text) => /^[\x20-\x7e]*$/.test(text));
    headers[name] = isPlain ? list : list.map(escaped);
    if (!isPlain) headers[name + encodedSuffix] = ['1'];
  }
  return headers;
}

/** The values of a header as they were meant. */
export function decodeHeader(metadata: Metadata, name: string): readonly string[] {
  const values = metadata.get(name) ?? [];
  const isEncoded = ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(metadata.get(name + encodedSuffix)?.[0] ?? '');
  return isEncoded ? values.map(unescaped) : values;
}
