import { createHmac, randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { refuse } from '../failures.ts';

/** bcrypt takes no more of a password; Bun's would hash a longer one first, which no htpasswd does. */
const bcryptBytes = 72;
const keptMax = 1000;
const keptMs = 10 * 60_000;
const waitingMax = 200;

/** Compares passwords with bcrypt hashes, each of which is meant to cost tens of milliseconds. */
export interface PasswordCheck {
  /**
   * Whether `password` is the one that `hash` was made of. A match is remembered for ten minutes (as a keyed digest), and the
   * same question asked twice at once is worked on once. Throws `TOOMANYREQUESTS` when too many wait.
   */
  matches(password: string, hash: string): Promise<boolean>;
}

function clipped(password: string): string | Uint8Array {
  const bytes = Buffer.from(password);
  return bytes.length > bcryptBytes ? bytes.subarray(0, bcryptBytes) : password;
}

/** Lets a few through at once, the others in order; refuses when the line is long. */
function turnstile(width: number): <T>(work: () => Promise<T>) => Promise<T> {
  let inside = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (inside >= width) {
      if (waiting.length >= waitingMax) {
        throw refuse('TOOMANYREQUESTS', 'too many logins at once', { headers: { 'Retry-After': '1' } });
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      inside += 1;
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) inside -= 1;
      else next();
    }
  };
}

/** `verify` is bcrypt; a test counts its calls. */
export function passwordCheck(verify = Bun.password.verify): PasswordCheck {
  const key = randomBytes(32);
  const known = new Map<string, number>();
  const running = new Map<string, Promise<boolean>>();
  // A processor is left to those who are known already.
  const enter = turnstile(Math.max(1, availableParallelism() - 1));

  function remember(question: string): void {
    const oldest = known.keys().next();
    if (known.size >= keptMax && !oldest.done) known.delete(oldest.value);
    known.set(question, Date.now() + keptMs);
  }

  async function ask(question: string, password: string, hash: string): Promise<boolean> {
    try {
      const matched = await enter(() => verify(clipped(password), hash));
      if (matched) remember(question);
      return matched;
    } finally {
      running.delete(question);
    }
  }

  return {
    matches(password, hash) {
      const question = createHmac('sha256', key).update(`${hash}\0${password}`).digest('base64');
      const until = known.get(question);
      if (until !== undefined && until > Date.now()) return Promise.resolve(true);
      known.delete(question);
      const asked = running.get(question) ?? ask(question, password, hash);
      running.set(question, asked);
      return asked;
    },
  };
}
