import { EstibaError, messageOf } from '#std/errors';

/** Why a process could not be started, in Docker's words, with the exit code that its clients derive from them. */
export class StartFailure extends EstibaError {
  constructor(
    message: string,
    readonly exitCode: number,
    cause: unknown,
  ) {
    super(exitCode === 128 ? 'internal' : 'invalid-argument', message, { cause });
  }
}

interface Cause {
  readonly pattern: RegExp;
  readonly exitCode: number;
  readonly text: (match: RegExpExecArray, program: string) => string;
}

/** How runc begins, behind which it has the words that follow here anyway. */
const ofRunc = /^runc (?:run|create|exec) failed: (?:unable to start container process: )?/;

/** What crun says, and what runc would have said: clients and people look for runc's words. */
const causes: readonly Cause[] = [
  {
    pattern: /executable file `(.*?)` not found/,
    exitCode: 127,
    // A path that is not there, or a name that no directory of PATH has.
    text: ([, program = '']) =>
      program.includes('/')
        ? `exec: "${program}": stat ${program}: no such file or directory`
        : `exec: "${program}": executable file not found in $PATH`,
  },
  {
    pattern: /^exec: ".*": (?:executable file not found|stat .*no such file).*/s,
    exitCode: 127,
    text: ([words]) => words,
  },
  {
    pattern: /^exec: ".*": permission denied.*/s,
    exitCode: 126,
    text: ([words]) => words,
  },
  {
    pattern: /chdir (?:to )?`(.*?)`: (.*)/,
    exitCode: 127,
    text: ([, directory, reason = '']) =>
      `chdir to cwd ("${directory}") set in config.json failed: ${reason.toLowerCase()}`,
  },
  {
    pattern: /^open (\/proc\/sys\/\S+): no such file or directory/i,
    exitCode: 127,
    text: ([, path]) => `error during container init: open ${path}: no such file or directory`,
  },
  {
    pattern: /^write (?:to )?(\/proc\/sys\/\S+): (.*)$/,
    exitCode: 128,
    text: ([, path, reason = '']) => `error during container init: write ${path}: ${reason.toLowerCase()}`,
  },
  {
    pattern: /^sethostname: (.*)$/,
    exitCode: 128,
    text: ([, reason = '']) => `error during container init: sethostname: ${reason.toLowerCase()}`,
  },
  {
    pattern: /open executable: (?:Permission denied|Operation not permitted)/,
    exitCode: 126,
    text: (_match, program) => `exec: "${program}": permission denied`,
  },
];

/** Where the process was to run: it decides the words before the cause. */
export type StartKind = 'container' | 'exec';

const prefixes: Readonly<Record<StartKind, string>> = {
  container:
    'failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: ',
  exec: 'OCI runtime exec failed: exec failed: unable to start container process: ',
};

/** What the runtime says of a start that failed, in runc's words, with the exit code that clients derive from it; undefined for others. */
export function runtimeWords(program: string, message: string): { text: string; exitCode: number } | undefined {
  for (const { pattern, exitCode, text } of causes) {
    const match = pattern.exec(message);
    if (match !== null) return { text: text(match, program), exitCode };
  }
  return undefined;
}

/** Words a failed start of the runtime: `StartFailure` with exit code 127 (not found), 126 (cannot be run) or 128. */
export function startFailure(kind: StartKind, program: string, error: unknown): StartFailure {
  const message = messageOf(error).replace(ofRunc, '');
  if (message.startsWith('failed to initialize logging driver'))
    return new StartFailure(`failed to create task for container: ${message}`, 128, error);
  const words = runtimeWords(program, message);
  if (words !== undefined) return new StartFailure(prefixes[kind] + words.text, words.exitCode, error);
  return new StartFailure(prefixes[kind] + message, 128, error);
}
