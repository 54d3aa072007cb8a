import { archiveFromContainer, type EngineClient, extractToContainer, statInContainer } from '#client';
import { fail } from '#std/errors';
import { printSize } from '#std/sizes';
import { destinationInContainer, isDirectoryStat, linkTargetOf } from '../../archive/container-path.ts';
import { type CopyEnd, landingOf, meansContents, parseCopyArgument } from '../../archive/copy-path.ts';
import { packTree } from '../../archive/pack.ts';
import { unpackTree } from '../../archive/unpack.ts';
import { fileSystem, paths } from '../../builtins.ts';
import { defineCommand } from '../../grammar/command.ts';
import { toggle } from '../../grammar/flag.ts';
import { Meter } from '../../print/meter.ts';
import { writeBytes } from '../../streams/byte-output.ts';
import { writeErr } from '../../streams/text-output.ts';
import { systemErrorText } from '../../values/system-errors.ts';

interface Copy {
  readonly engine: EngineClient;
  readonly container: string;
  readonly source: string;
  readonly destination: string;
  readonly followLink: boolean;
  readonly archive: boolean;
  readonly quiet: boolean;
}

function localEnd(path: string): CopyEnd {
  const stats = fileSystem().statSync(path, { throwIfNoEntry: false });
  return { path, exists: stats !== undefined, isDirectory: stats?.isDirectory() ?? false };
}

/** An absolute path; a trailing slash, or `/.`, means something and stays. */
function localPath(path: string): string {
  const resolved = paths().resolve(path);
  if (meansContents(path)) return `${resolved === '/' ? '' : resolved}/.`;
  return path.endsWith('/') && resolved !== '/' ? `${resolved}/` : resolved;
}

function success(meter: Meter, where: string): void {
  if (!meter.visible) return;
  meter[Symbol.dispose]();
  writeErr(`Successfully copied ${printSize(meter.passedBytes, 3)} to ${where}\n`);
}

async function copyFrom(copy: Copy): Promise<number> {
  const { engine, container } = copy;
  let { source } = copy;
  if (copy.followLink) source = linkTargetOf(await statInContainer(engine, container, source), source) ?? source;
  const { stat, body } = await archiveFromContainer(engine, container, source);
  if (copy.destination === '-') {
    for await (const bytes of body) await writeBytes(1, bytes);
    return 0;
  }
  const destination = localPath(copy.destination);
  let landing: ReturnType<typeof landingOf>;
  try {
    landing = landingOf({ path: source, exists: true, isDirectory: isDirectoryStat(stat) }, localEnd(destination));
    if (!fileSystem().existsSync(landing.directory)) {
      throw fail('invalid-argument', `invalid output path: directory "${landing.directory}" does not exist`);
    }
  } catch (error) {
    body.cancel();
    throw error;
  }
  using meter = await Meter.open(`Copying from ${container}`, { quiet: copy.quiet });
  const from = meansContents(source) ? stat.name : paths().posix.basename(source);
  const rename = { from: stat.name === '/' ? '' : from, to: landing.name };
  await unpackTree(meter.count(body), { directory: landing.directory, rename });
  success(meter, copy.destination);
  return 0;
}

function localSource(copy: Copy): { path: string; end: CopyEnd } {
  const path = localPath(copy.source);
  const files = fileSystem();
  try {
    const followed = copy.followLink ? files.realpathSync(path) + (meansContents(path) ? '/.' : '') : path;
    const stats =
      meansContents(followed) || followed.endsWith('/') ? files.statSync(followed) : files.lstatSync(followed);
    return { path: followed, end: { path, exists: true, isDirectory: stats.isDirectory() } };
  } catch (error) {
    const where = error instanceof Error && 'path' in error ? String(error.path) : path;
    throw fail('invalid-argument', `lstat ${where}: ${systemErrorText(error)}`, error);
  }
}

async function copyTo(copy: Copy): Promise<number> {
  const { engine, container } = copy;
  const destination = await destinationInContainer(engine, container, copy.destination);
  const options = { noOverwriteDirNonDir: true, copyUIDGID: copy.archive };
  if (copy.source === '-') {
    if (!destination.isDirectory) {
      throw fail('invalid-argument', `destination "${container}:${copy.destination}" must be a directory`);
    }
    await extractToContainer(engine, container, { path: destination.path, ...options }, Bun.stdin.stream());
    return 0;
  }
  const { path, end } = localSource(copy);
  const landing = landingOf(end, destination);
  using meter = await Meter.open(`Copying to ${container}`, { quiet: copy.quiet });
  const packed = packTree(path, landing.name === '' ? '.' : landing.name);
  await extractToContainer(engine, container, { path: landing.directory, ...options }, meter.count(packed));
  success(meter, `${container}:${copy.destination}`);
  return 0;
}

/** `container cp`. */
export const copy = defineCommand({
  usage: '[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n[OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH',
  description:
    'A path that ends with "/." stands for what is in the folder. "-" as the source is a tar archive from standard input, as the destination one to standard output.',
  examples: [
    ['cp web:/etc/nginx/nginx.conf .', 'Fetch a file'],
    ['cp site/. web:/srv', 'Send all that is in a folder'],
  ],
  flags: {
    archive: toggle('Keep user and group IDs', { short: 'a' }),
    'follow-link': toggle('Follow a link that is the source', { short: 'L' }),
    quiet: toggle('No progress', { short: 'q' }),
  },
  args: { min: 2, max: 2 },
  operands: ['container-path', 'container-path'],
  async run({ flags, args, engine }) {
    const [from = '', to = ''] = args;
    if (from === '') throw fail('invalid-argument', 'source can not be empty');
    if (to === '') throw fail('invalid-argument', 'destination can not be empty');
    const source = parseCopyArgument(from);
    const destination = parseCopyArgument(to);
    const options = { archive: flags.archive, followLink: flags['follow-link'], quiet: flags.quiet };
    const both = { engine, source: source.path, destination: destination.path, ...options };
    if (source.container !== undefined && destination.container !== undefined) {
      throw fail('invalid-argument', 'copying between containers is not supported');
    }
    if (source.container !== undefined) return copyFrom({ ...both, container: source.container });
    if (destination.container !== undefined) return copyTo({ ...both, container: destination.container });
    throw fail('invalid-argument', 'must specify at least one container source');
  },
});
