import type { ContainerWaitResponse } from '#api';
import { type EngineClient, resizeContainer } from '#client';
import { messageOf } from '#std/errors';
import { CommandFailure } from '../../failure.ts';
import { followTerminalSize, isTerminal, type TerminalSize, terminalSize } from '../../streams/terminal.ts';
import { writeErr } from '../../streams/text-output.ts';

const unknownExitCode = 125;
const resizeTries = 10;
const resizeRetryMs = 10;

/**
 * Refuses to give a process a terminal whose input is none.
 * @throws CommandFailure
 */
export async function requireTerminal(stdin: boolean, tty: boolean): Promise<void> {
  if (stdin && tty && !(await isTerminal(0))) throw new CommandFailure('the input device is not a TTY');
}

/** Keeps a terminal in a container as large as ours, from now on and until disposed. */
export function followSize(resize: (size: TerminalSize) => Promise<void>): Disposable {
  void resizeNow(resize);
  return followTerminalSize(resize);
}

/** A process that is just being started may have no terminal yet, so this is tried a few times. */
async function resizeNow(resize: (size: TerminalSize) => Promise<void>): Promise<void> {
  const size = await terminalSize();
  for (let attempt = 0; size && attempt < resizeTries; attempt++) {
    try {
      await resize(size);
      return;
    } catch {
      await Bun.sleep(resizeRetryMs * (attempt + 1));
    }
  }
}

/** The same for a container's first process. */
export function followContainerSize(engine: EngineClient, container: string): Disposable {
  return followSize((size) => resizeContainer(engine, container, size));
}

/**
 * The exit code that the engine tells of a container. When it cannot tell, because it has failed or is gone, that is said
 * and the code is 125.
 */
export async function exitCodeOf(outcome: Promise<ContainerWaitResponse>): Promise<number> {
  try {
    const { StatusCode, Error: error } = await outcome;
    if (!error) return StatusCode;
    writeErr(`error waiting for container: ${error.Message}\n`);
  } catch (error) {
    writeErr(`error waiting for container: ${messageOf(error)}\n`);
  }
  return unknownExitCode;
}
