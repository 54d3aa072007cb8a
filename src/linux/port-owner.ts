import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A process that has a port. */
export interface PortOwner {
  readonly pid: number;
  readonly command: string;
}

/** Empty for what is not there: a host without that family, a process that has ended. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Inodes of the sockets that are bound to a port and listen, or of UDP have it. */
function inodesOf(protocol: 'tcp' | 'udp', port: number): Set<string> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const held = protocol === 'tcp' ? '0A' : '07';
  const found = [protocol, `${protocol}6`].flatMap((table) =>
    readText(`/proc/thread-self/net/${table}`)
      .split('\n')
      .flatMap((line) => {
        const columns = line.trim().split(/\s+/);
        return columns[1]?.endsWith(suffix) === true && columns[3] === held ? [`socket:[${columns[9]}]`] : [];
      }),
  );
  return new Set(found);
}

function hasSocket(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((descriptor) => {
      try {
        return inodes.has(readlinkSync(`/proc/${pid}/fd/${descriptor}`));
      } catch {
        // Closed meanwhile.
        return false;
      }
    });
  } catch {
    // Ended meanwhile.
    return false;
  }
}

/**
 * The process that has a port of this network namespace; undefined when none can be found. It looks at every process, so it is
 * for the moment in which somebody is refused.
 */
export function findPortOwner(protocol: 'tcp' | 'udp', port: number): PortOwner | undefined {
  const inodes = inodesOf(protocol, port);
  if (inodes.size === 0) return undefined;
  const pid = readdirSync('/proc').find((name) => /^\d+$/.test(name) && hasSocket(name, inodes));
  if (pid === undefined) return undefined;
  return { pid: Number(pid), command: readText(`/proc/${pid}/comm`).trim() };
}
