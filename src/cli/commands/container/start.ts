import { attachContainer, inspectContainer, startContainer, waitForContainer } from '#client';
import { fail } from '#std/errors';
import { CommandFailure, failureText } from '../../failure.ts';
import { defineCommand, type Invocation } from '../../grammar/command.ts';
import { text, toggle } from '../../grammar/flag.ts';
import { runSession } from '../../streams/session.ts';
import { proxySignals } from '../../streams/signals.ts';
import { writeErr, writeOut } from '../../streams/text-output.ts';
import { exitCodeOf, followContainerSize, requireTerminal } from './attached.ts';

const startFlags = {
  attach: toggle('Connect to its output, and pass signals on', { short: 'a' }),
  'detach-keys': text('Keys that leave the container (ctrl-p,ctrl-q)'),
  interactive: toggle('Connect to its input', { short: 'i' }),
  checkpoint: text('Checkpoint to restore'),
  'checkpoint-dir': text('Folder of checkpoints', { completes: 'directory' }),
};

type Start = Invocation<typeof startFlags>;

async function startAttached({ flags, engine, args, config }: Start): Promise<number> {
  const [name = '', ...others] = args;
  if (others.length > 0) throw new CommandFailure('you cannot start and attach multiple containers at once');
  const { Id, Config, HostConfig } = await inspectContainer(engine, name);
  const detachKeys = flags['detach-keys'] || (config.detachKeys ?? '');
  const stdin = flags.interactive && Config.OpenStdin;
  await requireTerminal(stdin, Config.Tty);
  const [stream, { outcome }] = await Promise.all([
    attachContainer(engine, Id, {
      stdin,
      stdout: Config.AttachStdout,
      stderr: Config.AttachStderr,
      detachKeys: detachKeys || undefined,
    }),
    waitForContainer(engine, Id, HostConfig.AutoRemove ? 'removed' : 'next-exit'),
  ]);
  using _signals = Config.Tty ? undefined : proxySignals(engine, Id);
  const session = runSession({ stream, stdin, tty: Config.Tty, detachKeys });
  session.catch(() => undefined);
  try {
    await startContainer(engine, Id);
  } catch (error) {
    stream.connection.close();
    throw error;
  }
  using _size = Config.Tty ? followContainerSize(engine, Id) : undefined;
  if ((await session) === 'detached') return 0;
  return exitCodeOf(outcome);
}

/** `container start`. */
export const start = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags: startFlags,
  args: { min: 1 },
  operands: ['stopped-container'],
  async run(invocation) {
    const { flags, args, engine, program } = invocation;
    if (flags.checkpoint !== '' || flags['checkpoint-dir'] !== '') {
      throw fail('not-implemented', 'checkpoints are not there yet');
    }
    if (flags.attach || flags.interactive) return startAttached(invocation);
    const failed: string[] = [];
    for (const name of args) {
      try {
        await startContainer(engine, name, { detachKeys: flags['detach-keys'] || undefined });
        writeOut(`${name}\n`);
      } catch (error) {
        writeErr(`${failureText(error, program)}\n`);
        failed.push(name);
      }
    }
    if (failed.length > 0) throw new CommandFailure(`Error: failed to start containers: ${failed.join(', ')}`);
    return 0;
  },
});
