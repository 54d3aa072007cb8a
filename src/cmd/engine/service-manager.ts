import { sendDatagram } from '#linux/datagram';
import { messageOf } from '#std/errors';
import { log } from '#std/log';

/** A socket that the service manager opened and handed over (sd_listen_fds(3)). */
export interface HandedSocket {
  readonly descriptor: number;
  readonly name: string;
}

const firstDescriptor = 3;

/** The sockets that were handed to this process; none when they were meant for another one. Tells children nothing of them. */
export function takeHandedSockets(environment: NodeJS.ProcessEnv = process.env): HandedSocket[] {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = environment;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete environment[name];
  if (LISTEN_PID !== String(process.pid)) return [];
  const names = (LISTEN_FDNAMES ?? '').split(':');
  return Array.from({ length: Number(LISTEN_FDS) || 0 }, (_, index) => ({
    descriptor: firstDescriptor + index,
    name: names[index] ?? '',
  }));
}

/** Tells the service manager what state we are in (sd_notify(3)): `READY=1`. Does nothing where none asked for it. */
export function tellServiceManager(state: string): void {
  const path = process.env.NOTIFY_SOCKET;
  if (path === undefined || path === '') return;
  try {
    sendDatagram(path, state);
  } catch (error) {
    log('warn', 'the service manager was not told', { state, error: messageOf(error) });
  }
}

/** Of a reload that begins: with the clock by which the service manager tells it from earlier ones. */
export function tellReloading(): void {
  tellServiceManager(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
}
