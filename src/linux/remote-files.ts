import { fail } from '#std/errors';
import { type MountEntry, readMounts } from './mount.ts';

/** File systems for which somebody else must answer: a server, or a process. */
const remoteTypes = /^(nfs4?|cifs|smb3|ceph|9p|afs|lustre|gfs2|ocfs2|autofs|fuse(\..*)?|fuseblk)$/;
const patienceMs = 10_000;

/** How it is asked, where not as usual. */
export interface AnswerOptions {
  readonly mounts?: readonly MountEntry[];
  /** Is started with the path, and ends once the file system has answered. */
  readonly program?: readonly string[];
  readonly timeoutMs?: number;
}

/** Whether a path, as text, is below a mount of which nobody knows whether it answers. Nothing of it is touched. */
function isRemote(path: string, mounts: readonly MountEntry[]): boolean {
  const remote = mounts.filter(({ type }) => remoteTypes.test(type));
  if (remote.length === 0) return false;
  const holds = ({ target }: MountEntry): boolean => target === '/' || path === target || path.startsWith(`${target}/`);
  // The deepest one has it; of several at one place the last.
  const holder = mounts.filter(holds).reduce<MountEntry | undefined>((best, one) => {
    return best === undefined || one.target.length >= best.target.length ? one : best;
  }, undefined);
  return holder !== undefined && remote.includes(holder);
}

/**
 * Throws `unavailable` when a path is on a file system whose server does not answer. To be asked before this process itself
 * touches the path: its one thread would hang in the kernel, with no timeout, and all clients with it. A process of its own
 * asks; one that hangs is left to end whenever it can.
 */
export async function checkAnswers(path: string, options: AnswerOptions = {}): Promise<void> {
  const { mounts = readMounts(), program = ['stat', '-f', '--'], timeoutMs = patienceMs } = options;
  if (!isRemote(path, mounts)) return;
  const child = Bun.spawn([...program, path], { stdio: ['ignore', 'ignore', 'ignore'], cwd: '/' });
  child.unref();
  const { promise: late, resolve } = Promise.withResolvers<'late'>();
  const timer = setTimeout(resolve, timeoutMs, 'late');
  try {
    // Whatever it answers will do, an error too: the caller finds that itself.
    if ((await Promise.race([child.exited, late])) !== 'late') return;
  } finally {
    clearTimeout(timer);
  }
  child.kill('SIGKILL');
  throw fail('unavailable', `${path}: its file system does not answer`);
}
