import { run, type TestEngine } from '../harness/index.ts';

/** One step of a client's program, and what was wrong with it. */
export interface Step {
  readonly step: string;
  readonly error?: string | null;
}

/** The last line of a program. */
interface Done {
  readonly done: number;
}

export const programDeadlineMs = 170_000;

/**
 * Runs a client's program against an engine and gives the steps it reported. Rejects when it ended before its last
 * step, and with what it said then.
 */
export async function report(
  engine: TestEngine,
  command: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<readonly Step[]> {
  const ran = await run(command, {
    directory: import.meta.dir,
    environment: { DOCKER_CONFIG: engine.root, ...environment, DOCKER_HOST: engine.host },
    timeoutMs: programDeadlineMs - 10_000,
  });
  const lines = ran.stdout
    .trim()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Step | Done);
  const steps = lines.filter((line): line is Step => 'step' in line);
  const last = lines.at(-1);
  if (ran.code !== 0 || last === undefined || !('done' in last) || last.done !== steps.length) {
    throw new Error(`${command.join(' ')} exited ${ran.code}:\n${ran.stdout}\n${ran.stderr}`);
  }
  return steps;
}

/** The steps that failed: their names and what was wrong. */
export function failures(steps: readonly Step[]): string[] {
  return steps.flatMap(({ step, error }) => (typeof error === 'string' ? [`${step}: ${error}`] : []));
}
