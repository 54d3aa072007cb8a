import type { Descriptor } from '#oci';
import { fail } from '#std/errors';
import { passes, RegistryError } from './failure.ts';
import { backOffMs, pause } from './retry.ts';
import type { Answer } from './transport.ts';

/** What a download is made of. */
export interface DownloadSource {
  /** The same bytes from `headers`' Range on; throws when there are none. */
  request(headers: Readonly<Record<string, string>>): Promise<Answer>;
  /** After an error: turns to another place that may have them; false when there is none. */
  turn(error: unknown): boolean;
  readonly attempts: number;
  readonly firstMs: number;
  readonly signal: AbortSignal;
}

interface Opened {
  readonly body: AsyncIterable<Uint8Array>;
  /** Bytes at its beginning that are there already. */
  readonly skip: number;
}

/** Checks what a server made of a Range: it may have given the whole, or a part that was not asked for. */
async function openAt(answer: Answer, offset: number, size: number): Promise<Opened> {
  if (answer.status === 206) {
    const [, start, total] = /^bytes (\d+)-\d+\/(\d+)?/.exec(answer.headers.get('content-range') ?? '') ?? [];
    if (total !== undefined && size >= 0 && Number(total) !== size) {
      await answer.discard();
      throw fail('internal', `the registry has ${total} bytes where ${size} are expected`);
    }
    if (Number(start) !== offset) {
      await answer.discard();
      throw fail('internal', `the registry gave bytes from ${start ?? 'nowhere'} where ${offset} was asked for`);
    }
    return { body: answer.body(), skip: 0 };
  }
  if (answer.status === 416) {
    await answer.discard();
    throw fail('internal', `the registry has no more than ${offset} of the blob's bytes`);
  }
  if (answer.status !== 200) {
    await answer.discard();
    throw fail('internal', `received unexpected HTTP status: ${answer.status} ${answer.statusText}`);
  }
  const length = answer.headers.get('content-length');
  if (length !== null && size >= 0 && Number(length) !== size) {
    await answer.discard();
    throw fail('internal', `the registry has ${length} bytes where ${size} are expected`);
  }
  return { body: answer.body(), skip: offset };
}

async function* skipping({ body, skip }: Opened): AsyncIterable<Uint8Array> {
  let left = skip;
  for await (const chunk of body) {
    if (left >= chunk.length) left -= chunk.length;
    else {
      yield left > 0 ? chunk.subarray(left) : chunk;
      left = 0;
    }
  }
}

/** A blob from `start` on; what breaks off goes on from there. */
export async function* download(
  source: DownloadSource,
  descriptor: Pick<Descriptor, 'digest' | 'size'>,
  { offset: start = 0, onRetry }: { offset?: number; onRetry?: (waitSeconds: number) => void } = {},
): AsyncIterable<Uint8Array> {
  const { size, digest } = descriptor;
  let offset = start;
  let failures = 0;
  while (size < 0 || offset < size || offset === 0) {
    try {
      const answer = await source.request(offset > 0 ? { Range: `bytes=${offset}-` } : {});
      for await (const chunk of skipping(await openAt(answer, offset, size))) {
        offset += chunk.length;
        if (size >= 0 && offset > size) throw fail('internal', `${digest}: more than its ${size} bytes came`);
        failures = 0;
        yield chunk;
      }
      if (size < 0 || offset === size) return;
      throw new RegistryError('internal', `unexpected EOF: ${offset} of ${size} bytes of ${digest}`, { passes: true });
    } catch (error) {
      source.signal.throwIfAborted();
      if (source.turn(error)) continue;
      failures += 1;
      if (!passes(error) || failures >= source.attempts) throw error;
      const waitMs = backOffMs(failures, source.firstMs, error);
      onRetry?.(Math.ceil(waitMs / 1000));
      await pause(waitMs, source.signal);
    }
  }
}
