import type { EngineClient } from '#client';
import type { ConfigFile } from '../connection/config-file.ts';
import type { Catalogue } from './catalogue.ts';
import type { FlagTable, FlagValues, ValueKind } from './flag.ts';

/** The name that the program was called by: as `docker` it speaks as the docker CLI does. */
export type Program = 'estiba' | 'docker';

/** What a command is run with. */
export interface Invocation<F extends FlagTable = FlagTable> {
  readonly program: Program;
  /** Program and command as they were typed: `docker container run`. */
  readonly commandPath: string;
  readonly flags: FlagValues<F>;
  readonly given: ReadonlySet<string>;
  readonly args: readonly string[];
  /** The engine that the options, the environment and the configuration name; nothing is sent before it is used. */
  readonly engine: EngineClient;
  /** Version of this program. */
  readonly version: string;
  /** More detail is wanted when something fails (`--debug`). */
  readonly debug: boolean;
  /** The name of the context the engine was taken from. */
  readonly contextName: string;
  /** Folder of the client configuration. */
  readonly configFolder: string;
  /** `config.json` of that folder; empty when there is none. */
  readonly config: ConfigFile;
  /** All commands, for those that are about commands. */
  readonly catalogue: Catalogue;
}

/** A command: its grammar and what it does. Resolves with the exit code. */
export interface Command<F extends FlagTable = FlagTable> {
  /** What follows the command in the usage line. */
  readonly usage: string;
  /** More of what it does than its summary says. */
  readonly description?: string;
  /** Command lines, without the program's name, and what each does. */
  readonly examples?: readonly (readonly [line: string, what: string])[];
  readonly flags: F;
  readonly args: { readonly min: number; readonly max?: number };
  /** What its arguments name, in order; the last stands for all that follow. */
  readonly operands?: readonly ValueKind[];
  /** False: the first argument ends the flags, for what follows is a container's command. */
  readonly interspersed?: boolean;
  /** Its words are given to it as they stand, flags and all. */
  readonly takesWords?: boolean;
  run(invocation: Invocation<F>): Promise<number>;
}

/** Ties the flags that a command declares to the values that its `run` is given. */
export function defineCommand<const F extends FlagTable>(command: Command<F>): Command<F> {
  return command;
}
