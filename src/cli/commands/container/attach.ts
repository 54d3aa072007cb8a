import { attachContainer, inspectContainer, waitForContainer } from '#client';
import { CommandFailure } from '../../failure.ts';
import { defineCommand } from '../../grammar/command.ts';
import { text, toggle } from '../../grammar/flag.ts';
import { runSession } from '../../streams/session.ts';
import { proxySignals } from '../../streams/signals.ts';
import { followContainerSize, requireTerminal } from './attached.ts';

/** `container attach`: resolves with the container's exit code, or 0 when the user leaves it. */
export const attach = defineCommand({
  usage: '[OPTIONS] CONTAINER',
  flags: {
    'detach-keys': text('Keys that leave the container (ctrl-p,ctrl-q)'),
    'no-stdin': toggle('Do not connect to its input'),
    'sig-proxy': toggle('Pass signals on to the process', { initial: true }),
  },
  args: { min: 1, max: 1 },
  operands: ['running-container'],
  async run({ flags, args, engine, config }) {
    const { Id, Config, State } = await inspectContainer(engine, args[0] ?? '');
    if (!State.Running) throw new CommandFailure('You cannot attach to a stopped container, start it first');
    if (State.Paused) throw new CommandFailure('You cannot attach to a paused container, unpause it first');
    if (State.Restarting)
      throw new CommandFailure('You cannot attach to a restarting container, wait until it is running');
    const stdin = !flags['no-stdin'] && Config.OpenStdin;
    await requireTerminal(stdin, Config.Tty);
    const detachKeys = flags['detach-keys'] || (config.detachKeys ?? '');
    const [stream, { outcome }] = await Promise.all([
      attachContainer(engine, Id, { stdin, stdout: true, stderr: true, detachKeys: detachKeys || undefined }),
      waitForContainer(engine, Id, 'not-running'),
    ]);
    using _signals = flags['sig-proxy'] && !Config.Tty ? proxySignals(engine, Id) : undefined;
    using _size = Config.Tty ? followContainerSize(engine, Id) : undefined;
    if ((await runSession({ stream, stdin, tty: Config.Tty, detachKeys })) === 'detached') {
      throw new CommandFailure('read escape sequence', 1);
    }
    const { StatusCode, Error: error } = await outcome;
    if (error) throw new CommandFailure(error.Message);
    return StatusCode;
  },
});
