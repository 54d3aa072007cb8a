import type { HijackedStream } from '#client';
import { DetachScanner, defaultDetachKeys, parseDetachKeys } from './detach-keys.ts';
import { pumpOutput } from './output-pump.ts';
import { isTerminal, rawMode } from './terminal.ts';

export interface SessionOptions {
  readonly stream: HijackedStream;
  /** Whether our standard input goes to the process. */
  readonly stdin: boolean;
  /** Whether the process has a terminal. */
  readonly tty: boolean;
  readonly detachKeys: string;
}

/** Passes our standard input on, until its end or the detach keys. */
async function pumpInput(options: SessionOptions): Promise<'ended' | 'detached'> {
  const { connection } = options.stream;
  const scanner = options.tty ? new DetachScanner(parseDetachKeys(options.detachKeys || defaultDetachKeys)) : undefined;
  for await (const bytes of Bun.stdin.stream()) {
    const { pass, detach } = scanner?.scan(bytes) ?? { pass: bytes, detach: false };
    await connection.write(pass);
    if (detach) return 'detached';
  }
  connection.closeWrite();
  return 'ended';
}

/**
 * Connects our terminal or pipes with a process until its output ends or the user detaches; the connection is closed
 * then, and the terminal as it was.
 */
export async function runSession(options: SessionOptions): Promise<'ended' | 'detached'> {
  const { connection } = options.stream;
  using _raw = options.stdin && options.tty && (await isTerminal(0)) ? rawMode() : undefined;
  const output = pumpOutput(connection, !options.tty).then(() => 'ended' as const);
  const detached = new Promise<'detached'>((resolve) => {
    if (!options.stdin) return;
    pumpInput(options).then(
      (outcome) => {
        if (outcome === 'detached') resolve('detached');
      },
      // The process has closed its input, or has ended: its output tells when it is over.
      () => undefined,
    );
  });
  try {
    return await Promise.race([output, detached]);
  } finally {
    output.catch(() => undefined);
    connection.close();
  }
}
