/**
 * What the programs of this folder share: each does its steps in order and prints one line of JSON a step,
 * `{"step": …}` or `{"step": …, "error": …}`, and `{"done": steps}` as the last.
 */
import { Writable } from 'node:stream';

// Bun may stand in for Node on PATH, with streams and sockets of its own: those are not what users of these clients have.
if (process.versions.bun !== undefined) throw new Error('this is not Node');

/** A step that waits for what never comes must not hold up the others. */
const stepDeadlineMs = 30_000;
const waiting = [];

export function step(name, action) {
  waiting.push({ name, action });
}

/** Ends the process: clients keep sockets open that would keep it alive. */
export async function runSteps() {
  for (const { name, action } of waiting) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done in ${stepDeadlineMs} ms`)), stepDeadlineMs);
    });
    const error = await Promise.race([action(), late]).then(
      () => undefined,
      (thrown) => String(thrown?.stack ?? thrown),
    );
    clearTimeout(timer);
    console.log(JSON.stringify({ step: name, error }));
  }
  console.log(JSON.stringify({ done: waiting.length }));
  process.exit(0);
}

/** Polls until `probe` gives something that is true, and returns that. */
export async function until(what, probe) {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A stream that keeps what is written to it. */
export function collector() {
  const chunks = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  stream.text = () => Buffer.concat(chunks).toString();
  return stream;
}

/** Everything that a stream gives until it ends. */
export async function all(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
