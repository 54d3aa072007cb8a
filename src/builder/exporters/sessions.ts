import { fail } from '#std/errors';
import type { BuildSession } from '../session/session.ts';
import type { BuildContext } from '../types.ts';

/** The client that what is made goes to; throws `unavailable` when there is none. */
export function firstSession({ sessions }: Pick<BuildContext, 'sessions'>): BuildSession {
  const [session] = sessions;
  if (session === undefined) throw fail('unavailable', 'could not access local files without session');
  return session;
}

/** The same pieces, until the signal ends it. */
export async function* unlessAborted(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    signal.throwIfAborted();
    yield chunk;
  }
}
