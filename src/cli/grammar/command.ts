import type { EngineClient } from '#client';
import type { FlagTable, FlagValues } from './flag.ts';

/** What a command is run with. */
export interface Invocation<F extends FlagTable = FlagTable> {
  /** The name of the program, `estiba` or `docker`. */
  readonly program: 'estiba' | 'docker';
  /** Program and command as they were typed: `docker container run`. */
  readonly commandPath: string;
  readonly flags: FlagValues<F>;
  readonly given: ReadonlySet<string>;
  readonly args: readonly string[];
  /** The engine that the options, the environment and the configuration name; nothing is sent before it is used. */
  readonly engine: EngineClient;
  /** Version of this program. */
  readonly version: string;
  /** The name of the context the engine was taken from. */
  readonly contextName: string;
}

/** A command: its grammar and what it does. Resolves with the exit code. */
export interface Command<F extends FlagTable = FlagTable> {
  /** What follows the command in the usage line. */
  readonly usage: string;
  readonly flags: F;
  readonly args: { readonly min: number; readonly max?: number };
  /** False: the first argument ends the flags, for what follows is a container's command. */
  readonly interspersed?: boolean;
  run(invocation: Invocation<F>): Promise<number>;
}

/** Ties the flags that a command declares to the values that its `run` is given. */
export function defineCommand<const F extends FlagTable>(command: Command<F>): Command<F> {
  return command;
}
