/** True in the one-file executable: its sources live in a virtual file system, and it runs without a script's path. */
const isCompiled = import.meta.path.startsWith('/$bunfs/');

/** The command that starts this same program again, to be followed by its arguments. */
export function selfCommand(): string[] {
  return isCompiled ? [process.execPath] : [process.execPath, Bun.main];
}
