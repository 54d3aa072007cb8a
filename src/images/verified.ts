import { Digester } from '#oci';
import { fail } from '#std/errors';
import type { Blobs } from '#store';

/** The bytes of a blob, which end in an error when they are not those that its name says; `count` is told of them. */
export async function* verified(
  blobs: Blobs,
  digest: string,
  count: (bytes: number) => void = () => undefined,
): AsyncGenerator<Uint8Array> {
  const digester = new Digester();
  for await (const chunk of blobs.read(digest)) {
    digester.update(chunk);
    count(chunk.length);
    yield chunk;
  }
  if (digester.finish() !== digest) throw fail('internal', `the blob ${digest} is damaged on disk`);
}
