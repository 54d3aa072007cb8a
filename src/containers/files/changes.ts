import type { Change } from '#store';

/** Pieces of the answer: text is made of so many changes at once. */
const piece = 2000;
const plain = /^[ !#-[\]-~]*$/;

/** A path in JSON. Nearly all are plain, and need no more than quotes. */
function quote(path: string): string {
  return plain.test(path) ? `"${path}"` : JSON.stringify(Buffer.from(path, 'latin1').toString());
}

/** The answer of `GET /containers/{id}/changes` as JSON; nothing is `null`, as it is in Docker. */
export async function encodeChanges(changes: readonly Change[]): Promise<string> {
  if (changes.length === 0) return 'null\n';
  const parts: string[] = [];
  for (let start = 0; start < changes.length; start += piece) {
    const rows = changes.slice(start, start + piece);
    parts.push(rows.map(({ path, kind }) => `{"Path":${quote(path)},"Kind":${kind}}`).join(','));
    // Others may use the thread in between.
    if (start > 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return `[${parts.join(',')}]\n`;
}
