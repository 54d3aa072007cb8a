import type { Command } from './command.ts';
import type { FlagTable } from './flag.ts';

/** A line of the table of commands. Its code is loaded when it is run, or asked for its help. */
export interface Entry {
  /** Empty for a command outside every group. */
  readonly group: string;
  readonly name: string;
  /** Other names in its group. */
  readonly aliases?: readonly string[];
  /** Its name outside the group: `ps` for `container ls`. */
  readonly flat?: string;
  readonly summary: string;
  /** Runs, but is not in the help: it is for other programs. */
  readonly hidden?: boolean;
  /** Absent for a command that is not there yet. */
  readonly load?: () => Promise<Command>;
}

/** An entry as the table of a group has it. */
export type GroupEntry = Omit<Entry, 'group'>;

/** Whether a command is shown to people. */
export function isShown(entry: Entry): boolean {
  return entry.load !== undefined && entry.hidden !== true;
}

/** `run` of a command is only ever given the values of its own flags, which is what the cast rests on. */
export function lazy<F extends FlagTable>(load: () => Promise<Command<F>>): () => Promise<Command> {
  return load as unknown as () => Promise<Command>;
}
