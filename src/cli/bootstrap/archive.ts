import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerConfig } from '#api';
import { fail } from '#std/errors';
import { runProgram } from './child.ts';

/** What an image is made of. */
export interface BaseImage {
  readonly rootfs: string;
  readonly reference: string;
  /** Seconds since the epoch: the image's date, and the newest that a file in it may be. */
  readonly createdSeconds: number;
  readonly createdBy: string;
  readonly config: Partial<ContainerConfig>;
}

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', arm: 'arm', ia32: '386' };

/** The same files give the same bytes: names sorted, owners as numbers, no time but the files' own, none in the future. */
function tarCommand(directory: string, seconds: number): string[] {
  return [
    ...['tar', '--create', '--directory', directory, '--sort=name', '--numeric-owner', '--format=posix'],
    ...['--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime', '--clamp-mtime', `--mtime=@${seconds}`],
    ...['--xattrs', '--xattrs-include=security.capability'],
  ];
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}

/** A packed image. */
export interface PackedImage {
  readonly id: string;
  readonly archive: ReadableStream<Uint8Array>;
  /** Ends what still writes the archive, for a reader that did not take all of it. */
  close(): Promise<void>;
}

/**
 * Packs a root file system as an image of one layer, in the directory `scratch`, and returns the image's id and its
 * docker-archive as a stream. The format: Image Specification v1.2 of Docker, `manifest.json` and what it names.
 */
export async function packImage(image: BaseImage, scratch: string, signal: AbortSignal): Promise<PackedImage> {
  const layout = join(scratch, 'layout');
  mkdirSync(layout);
  const unnamed = join(scratch, 'layer.tar');
  await runProgram([...tarCommand(image.rootfs, image.createdSeconds), '--file', unnamed, '.'], scratch, signal);
  const layer = await sha256(unnamed);
  renameSync(unnamed, join(layout, `${layer}.tar`));

  const created = new Date(image.createdSeconds * 1000).toISOString().replace('.000Z', 'Z');
  const config = JSON.stringify({
    architecture: architectures[process.arch] ?? process.arch,
    os: 'linux',
    created,
    config: image.config,
    rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
    history: [{ created, created_by: image.createdBy }],
  });
  const id = createHash('sha256').update(config).digest('hex');
  writeFileSync(join(layout, `${id}.json`), config);
  const manifest = [{ Config: `${id}.json`, RepoTags: [image.reference], Layers: [`${layer}.tar`] }];
  writeFileSync(join(layout, 'manifest.json'), JSON.stringify(manifest));

  const [program = '', ...rest] = tarCommand(layout, image.createdSeconds);
  // The files of the layout are our own: their modes and owners must not be those of whoever runs this.
  const uniform = ['--mode=u=rwX,go=rX', '--owner=0', '--group=0'];
  const child = Bun.spawn([program, ...rest, ...uniform, '.'], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    signal,
  });
  const finished = child.exited.then(async (code) => {
    if (code !== 0) throw fail('internal', `tar exited ${code}: ${await child.stderr.text()}`);
  });
  // It is told to the archive's reader; without one it is nobody's.
  finished.catch(() => undefined);
  const archive = child.stdout.pipeThrough(new TransformStream<Uint8Array, Uint8Array>({ flush: () => finished }));
  return {
    id: `sha256:${id}`,
    archive,
    async close() {
      child.kill();
      await child.exited;
    },
  };
}
