/** True in the one-file executable: its sources live in a virtual file system, and it runs without a script's path. */
const isCompiled = import.meta.path.startsWith('/$bunfs/');

/** Bun must take no code (a preload) and no variables from files of the directory that it is started in. */
const trustNoDirectory = ['--no-env-file', '--config=/dev/null'];

/** The command that starts this same program again, to be followed by its arguments. */
export function selfCommand(): string[] {
  return isCompiled ? [process.execPath] : [process.execPath, ...trustNoDirectory, Bun.main];
}
