import { fileSystem } from '../builtins.ts';

export interface TerminalSize {
  readonly h: number;
  readonly w: number;
}

/** Whether a descriptor is a terminal. The module that knows costs start-up, so only devices are asked of it. */
export async function isTerminal(fd: 0 | 1 | 2): Promise<boolean> {
  try {
    if (!fileSystem().fstatSync(fd).isCharacterDevice()) return false;
  } catch {
    return false;
  }
  return (await import('node:tty')).isatty(fd);
}

/** The size of our terminal, undefined when standard output is none. */
export async function terminalSize(): Promise<TerminalSize | undefined> {
  if (!(await isTerminal(1))) return undefined;
  const [w, h] = process.stdout.getWindowSize();
  return { h, w };
}

/** Puts the terminal of standard input into raw mode; disposing it puts it back. */
export function rawMode(): Disposable {
  process.stdin.setRawMode(true);
  // Node's raw mode still makes a carriage return of every line feed, which tears the screens of full-screen programs.
  try {
    Bun.spawnSync(['stty', '-opost'], { stdin: 'inherit', stdout: 'ignore', stderr: 'ignore' });
  } catch {
    // A machine without stty: lines of text look right all the same.
  }
  let restored = false;
  const restore = (): void => {
    if (restored) return;
    restored = true;
    process.stdin.setRawMode(false);
    process.off('exit', restore);
  };
  // However the process ends, the user's shell must find its terminal as it was.
  process.on('exit', restore);
  return { [Symbol.dispose]: restore };
}

/** Calls `resize` with the size of our terminal whenever it changes, until disposed. */
export function followTerminalSize(resize: (size: TerminalSize) => Promise<void>): Disposable {
  const changed = (): void => {
    // A process that has just ended cannot be resized, and need not be.
    void terminalSize()
      .then((size) => size && resize(size))
      .catch(() => undefined);
  };
  process.on('SIGWINCH', changed);
  return { [Symbol.dispose]: () => void process.off('SIGWINCH', changed) };
}
