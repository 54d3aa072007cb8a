import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { fail, messageOf } from '#std/errors';
import { type ExaminerJob, type ExaminerJobs, examine } from './jobs.ts';

/** Does jobs, one after the other; disposed of, it ends, whatever it is at. */
export interface Examiner extends Disposable {
  /** Throws `internal` with what went wrong. */
  ask<K extends ExaminerJob>(job: K, ask: ExaminerJobs[K]['ask']): Promise<ExaminerJobs[K]['answer']>;
}

interface Answer {
  readonly answer?: unknown;
  readonly error?: string;
}

/** Others come first: nobody waits for an examination as he does for a container. */
const priority = 10;

/**
 * Starts an examiner: a child process, so that reading gigabytes holds up nobody. Without a command the work is done in this
 * process.
 */
export function startExaminer(command: readonly string[] | undefined): Examiner {
  const [program, ...parameters] = command ?? [];
  if (program === undefined) return { ask: examine, [Symbol.dispose]: () => undefined };
  const child = spawn(program, parameters, { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const failed = once(child, 'error').then(([error]) => {
    throw fail('internal', `the examiner did not start: ${messageOf(error)}`);
  });
  failed.catch(() => undefined);
  // Its end is seen where its answer is missing.
  child.stdin.on('error', () => undefined);
  return {
    async ask(job, ask) {
      child.stdin.write(`${JSON.stringify({ job, ask })}\n`);
      const next = await Promise.race([answers.next(), failed]);
      if (next.done) throw fail('internal', 'the examiner ended before it was done');
      const { answer, error } = JSON.parse(next.value) as Answer;
      if (error !== undefined) throw fail('internal', error);
      return answer as never;
    },
    [Symbol.dispose]: () => void child.kill('SIGKILL'),
  };
}

/** Entry of an examiner's process: jobs come as lines of JSON, answers go the same way, until the input ends. */
export async function runExaminer(): Promise<void> {
  setPriority(priority);
  for await (const line of createInterface({ input: process.stdin })) {
    const { job, ask } = JSON.parse(line) as { job: ExaminerJob; ask: never };
    let answer: Answer;
    try {
      answer = { answer: await examine(job, ask) };
    } catch (error) {
      answer = { error: messageOf(error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}
