import { createTarReader, type TarEntry, tarEnd, tarHeader, tarPadding } from '#oci';

/** An entry for `makeTar`: a file with contents unless it says otherwise. */
export type MadeEntry = Parameters<typeof tarHeader>[0] & { readonly content?: string | Buffer };

/** A tar of these entries. */
export function makeTar(entries: readonly MadeEntry[]): Buffer<ArrayBuffer> {
  const blocks = entries.flatMap(({ content = '', ...entry }) => {
    const bytes = Buffer.from(content);
    const sizeBytes = bytes.length;
    return [tarHeader({ ...entry, sizeBytes }), bytes, tarPadding(sizeBytes)];
  });
  return Buffer.concat([...blocks, tarEnd]);
}

/** What a tar holds: each entry with its contents. */
export async function readTar(tar: Uint8Array): Promise<(TarEntry & { content: string })[]> {
  const entries: (TarEntry & { content: string })[] = [];
  const reader = createTarReader({
    entry: (entry) => void entries.push({ ...entry, content: '' }),
    data: (chunk) => {
      const last = entries.at(-1);
      if (last !== undefined) last.content += chunk.toString('latin1');
    },
    end: () => undefined,
  });
  await reader.write(tar);
  reader.close();
  return entries;
}
