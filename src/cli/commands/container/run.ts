import type { ContainerCreateRequest, ContainerWaitResponse } from '#api';
import { attachContainer, type EngineClient, type HijackedStream, startContainer, waitForContainer } from '#client';
import { messageOf } from '#std/errors';
import { containerFlags } from '../../container-options/flags.ts';
import { attachedStreams } from '../../container-options/request.ts';
import { CommandFailure } from '../../failure.ts';
import { defineCommand, type Invocation } from '../../grammar/command.ts';
import { text, toggle } from '../../grammar/flag.ts';
import { runSession } from '../../streams/session.ts';
import { proxySignals } from '../../streams/signals.ts';
import { terminalSize } from '../../streams/terminal.ts';
import { writeOut } from '../../streams/text-output.ts';
import { exitCodeOf, followContainerSize, requireTerminal } from './attached.ts';
import { createPulling } from './missing-image.ts';
import { checkCreation, failureExitCode, requestFor, usageFailure, withIdFile } from './request-for.ts';

const runFlags = {
  ...containerFlags,
  detach: toggle('Leave the container in the background and print its ID', { short: 'd' }),
  'detach-keys': text('Keys that leave the container (ctrl-p,ctrl-q)'),
  'sig-proxy': toggle('Pass signals on to the process', { initial: true }),
};

type Run = Invocation<typeof runFlags>;

const engineErrorExitCode = 125;

async function request({ flags, given, args }: Run): Promise<ContainerCreateRequest> {
  const body = requestFor({ flags, given, args });
  checkCreation({ flags, args });
  const size = flags.tty ? await terminalSize() : undefined;
  if (size && body.HostConfig) body.HostConfig.ConsoleSize = [size.h, size.w];
  return body;
}

async function create(invocation: Run, body: ContainerCreateRequest): Promise<string> {
  const { flags, engine, program, config } = invocation;
  const { name, platform, pull, quiet } = flags;
  try {
    const { Id } = await withIdFile(flags.cidfile, () =>
      createPulling(engine, body, { program, name, platform, pull, quiet, config }),
    );
    return Id;
  } catch (error) {
    throw usageFailure(invocation, error, failureExitCode(messageOf(error)));
  }
}

async function runDetached(invocation: Run): Promise<number> {
  const { engine } = invocation;
  let id: string;
  try {
    const body = await request(invocation);
    id = await create(invocation, {
      ...body,
      AttachStdin: false,
      AttachStdout: false,
      AttachStderr: false,
      StdinOnce: false,
    });
  } catch (error) {
    throw usageFailure(invocation, error, engineErrorExitCode);
  }
  try {
    await startContainer(engine, id);
  } catch (error) {
    throw usageFailure(invocation, error, failureExitCode(messageOf(error)));
  } finally {
    writeOut(`${id}\n`);
  }
  return 0;
}

interface Attached {
  readonly id: string;
  readonly stream: HijackedStream;
  readonly outcome: Promise<ContainerWaitResponse>;
}

/** Attaches and begins to wait, both before the start, so that not a byte and no exit is missed. */
async function attach(engine: EngineClient, id: string, { flags, config }: Run): Promise<Attached> {
  const streams = attachedStreams(flags);
  const [stream, { outcome }] = await Promise.all([
    attachContainer(engine, id, { ...streams, detachKeys: flags['detach-keys'] || config.detachKeys }),
    waitForContainer(engine, id, flags.rm ? 'removed' : 'next-exit'),
  ]);
  return { id, stream, outcome };
}

async function start({ id, stream, outcome }: Attached, invocation: Run): Promise<void> {
  try {
    await startContainer(invocation.engine, id);
  } catch (error) {
    stream.connection.close();
    if (invocation.flags.rm) await outcome.catch(() => undefined);
    throw usageFailure(invocation, error, failureExitCode(messageOf(error)));
  }
}

async function runAttached(invocation: Run): Promise<number> {
  const { flags, engine } = invocation;
  const { stdin } = attachedStreams(flags);
  await requireTerminal(stdin, flags.tty);
  let attached: Attached;
  try {
    const body = await request(invocation);
    // Create and start share a connection, attach and wait have one each.
    engine.prepare(3);
    attached = await attach(engine, await create(invocation, body), invocation);
  } catch (error) {
    throw usageFailure(invocation, error, engineErrorExitCode);
  }
  using _signals = flags['sig-proxy'] && !flags.tty ? proxySignals(engine, attached.id) : undefined;
  const session = runSession({
    stream: attached.stream,
    stdin,
    tty: flags.tty,
    detachKeys: flags['detach-keys'] || (invocation.config.detachKeys ?? ''),
  });
  // Its failure is met below, after the start.
  session.catch(() => undefined);
  await start(attached, invocation);
  using _size = flags.tty ? followContainerSize(engine, attached.id) : undefined;
  if ((await session) === 'detached') return 0;
  return exitCodeOf(attached.outcome);
}

/** `container run`. */
export const run = defineCommand({
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  examples: [
    ['run --rm -it debian:bookworm bash', 'A shell in a container that is gone afterwards'],
    ['run -d --name web -p 8080:80 -v site:/srv nginx', 'A server in the background'],
    [
      'run --rm --health-cmd true --health-on-failure restart -d app',
      'A container that is restarted when it is unhealthy',
    ],
  ],
  flags: runFlags,
  args: { min: 1 },
  operands: ['image', 'none'],
  interspersed: false,
  async run(invocation) {
    const { flags } = invocation;
    if (!flags.detach) return runAttached(invocation);
    if (flags.attach.length > 0) {
      throw new CommandFailure('conflicting options: cannot specify both --attach and --detach');
    }
    return runDetached(invocation);
  },
});
