import { mount, mountFlags } from '#linux/mount';
import { fail, messageOf } from '#std/errors';

/** What a volume of the local driver with options mounts at each use: the arguments of mount(8). */
export interface LocalMount {
  readonly type: string;
  readonly device: string;
  readonly options: readonly string[];
}

/** Options that mount(2) takes as flags; `false` takes the flag away. */
const flagOptions: Readonly<Record<string, readonly [flag: number, set: boolean]>> = {
  defaults: [0, true],
  ro: [mountFlags.readOnly, true],
  rw: [mountFlags.readOnly, false],
  nosuid: [mountFlags.noSuid, true],
  suid: [mountFlags.noSuid, false],
  nodev: [mountFlags.noDev, true],
  dev: [mountFlags.noDev, false],
  noexec: [mountFlags.noExec, true],
  exec: [mountFlags.noExec, false],
  noatime: [mountFlags.noAtime, true],
  atime: [mountFlags.noAtime, false],
  relatime: [mountFlags.relatime, true],
  bind: [mountFlags.bind, true],
  rbind: [mountFlags.bind | mountFlags.recursive, true],
};

/** File systems whose mount may wait for a server, or needs a helper: done by a child, never by the engine's own thread. */
const slowTypes = /^(?:nfs|nfs4|cifs|smb3|fuse.*|ceph|glusterfs)$/;

function missing(name: string, option: string): Error {
  return fail('invalid-argument', `create ${name}: missing required option: "${option}"`);
}

/** Checks the options of the local driver (`type`, `o`, `device`); undefined for a plain directory. Throws `invalid-argument`. */
export function parseLocalOptions(
  name: string,
  options: Readonly<Record<string, string>> | null,
): LocalMount | undefined {
  if (options === null || Object.keys(options).length === 0) return undefined;
  for (const key of Object.keys(options)) {
    if (key === 'size') {
      throw fail('invalid-argument', `create ${name}: quota size requested but no quota support`);
    }
    if (key !== 'type' && key !== 'o' && key !== 'device') {
      throw fail('invalid-argument', `create ${name}: invalid option: ${JSON.stringify(key)}`);
    }
  }
  const { type = '', device = '', o = '' } = options;
  if (device === '') throw missing(name, 'device');
  if (type === '') throw missing(name, 'type');
  return { type, device, options: o.split(',').filter((option) => option !== '') };
}

function failure(request: LocalMount, target: string, cause: unknown): Error {
  const { device } = request;
  return fail(
    'internal',
    `error while mounting volume '${target}': failed to mount local volume: mount ${device}:${target}: ${messageOf(cause)}`,
    cause,
  );
}

async function mountByChild({ type, device, options }: LocalMount, target: string): Promise<void> {
  const list = options.length > 0 ? ['-o', options.join(',')] : [];
  const child = Bun.spawn(['mount', '-t', type, ...list, device, target], {
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'pipe',
  });
  const [text, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (code !== 0) throw fail('internal', text.trim() || `mount exited with ${code}`);
}

function mountHere({ type, device, options }: LocalMount, target: string): void {
  let flags = 0;
  const data: string[] = [];
  for (const option of options) {
    const known = flagOptions[option];
    if (known === undefined) data.push(option);
    else flags = known[1] ? flags | known[0] : flags & ~known[0];
  }
  mount({ source: device, target, type, flags, options: data.join(',') });
  // The kernel takes other flags for a bind mount only in a second step.
  const rest = flags & ~(mountFlags.bind | mountFlags.recursive);
  if ((flags & mountFlags.bind) !== 0 && rest !== 0) {
    mount({ target, flags: mountFlags.bind | mountFlags.remount | rest });
  }
}

/** Mounts what the options say at `target`; throws `internal` in Docker's words. */
export async function mountLocal(request: LocalMount, target: string): Promise<void> {
  try {
    if (slowTypes.test(request.type)) await mountByChild(request, target);
    else mountHere(request, target);
  } catch (error) {
    throw failure(request, target, error);
  }
}
