import { createExec, type EngineClient, inspectExec, resizeExec, startExecAttached, startExecDetached } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { list, text, toggle } from '../../grammar/flag.ts';
import { runSession } from '../../streams/session.ts';
import { terminalSize } from '../../streams/terminal.ts';
import { environmentFlag, readKeyValueFile, resolveEnvironment } from '../../values/key-values.ts';
import { followSize, requireTerminal } from './attached.ts';

interface Session {
  readonly stdin: boolean;
  readonly tty: boolean;
  readonly detachKeys: string;
  readonly consoleSize: [number, number] | undefined;
}

async function runAttached(engine: EngineClient, exec: string, session: Session): Promise<number> {
  const { stdin, tty, detachKeys, consoleSize } = session;
  const stream = await startExecAttached(engine, exec, { tty, consoleSize });
  using _size = tty ? followSize((size) => resizeExec(engine, exec, size)) : undefined;
  if ((await runSession({ stream, stdin, tty, detachKeys })) === 'detached') return 0;
  return (await inspectExec(engine, exec)).ExitCode ?? 0;
}

/** `container exec`: resolves with the command's exit code. */
export const exec = defineCommand({
  usage: '[OPTIONS] CONTAINER COMMAND [ARG...]',
  examples: [['exec -it web sh', 'A shell in a running container']],
  flags: {
    detach: toggle('Leave the command in the background', { short: 'd' }),
    'detach-keys': text('Keys that leave the command (ctrl-p,ctrl-q)'),
    env: environmentFlag(),
    'env-file': list('Read environment variables from a file', { completes: 'file' }),
    interactive: toggle('Keep standard input open', { short: 'i' }),
    privileged: toggle('Give the command all capabilities'),
    tty: toggle('Give the command a terminal', { short: 't' }),
    user: text('User and group to run as (user[:group])', { short: 'u' }),
    workdir: text('Working directory', { short: 'w' }),
  },
  args: { min: 2 },
  operands: ['running-container', 'none'],
  interspersed: false,
  async run({ flags, args, engine, config }) {
    const [container = '', ...command] = args;
    const attached = !flags.detach;
    const stdin = attached && flags.interactive;
    await requireTerminal(stdin, flags.tty);
    const size = flags.tty ? await terminalSize() : undefined;
    const consoleSize: [number, number] | undefined = size && [size.h, size.w];
    const fromFiles = flags['env-file'].flatMap((path) =>
      readKeyValueFile(path, 'environment variable', (key) => process.env[key]),
    );
    const detachKeys = flags['detach-keys'] || (config.detachKeys ?? '');
    const { Id } = await createExec(engine, container, {
      AttachStdin: stdin,
      AttachStdout: attached,
      AttachStderr: attached,
      Cmd: command,
      ConsoleSize: consoleSize ?? null,
      Env: [...fromFiles, ...resolveEnvironment(flags.env)],
      Privileged: flags.privileged,
      Tty: flags.tty,
      User: flags.user,
      WorkingDir: flags.workdir,
      ...(detachKeys === '' ? {} : { DetachKeys: detachKeys }),
    });
    if (attached) return runAttached(engine, Id, { stdin, tty: flags.tty, detachKeys, consoleSize });
    await startExecDetached(engine, Id, { tty: flags.tty, consoleSize });
    return 0;
  },
});
