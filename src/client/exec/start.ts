import type { EngineClient, HijackedStream } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

export interface ExecStartOptions {
  readonly tty: boolean;
  /** Height and width in characters. */
  readonly consoleSize?: [number, number] | undefined;
}

/** `POST /exec/{id}/start`, attached. */
export function startExecAttached(
  engine: EngineClient,
  exec: string,
  options: ExecStartOptions,
): Promise<HijackedStream> {
  const body = { Detach: false, Tty: options.tty, ConsoleSize: options.consoleSize };
  return engine.hijack({ method: 'POST', path: `/exec/${segment(exec)}/start`, body });
}

/** `POST /exec/{id}/start`, in the background. */
export function startExecDetached(engine: EngineClient, exec: string, options: ExecStartOptions): Promise<void> {
  const body = { Detach: true, Tty: options.tty, ConsoleSize: options.consoleSize };
  return engine.done({ method: 'POST', path: `/exec/${segment(exec)}/start`, body });
}
