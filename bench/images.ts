import { closeSync, existsSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, tarEnd, tarHeader, tarPadding } from '../src/oci/index.ts';
import { dockerCli, startRegistry, type TestRegistry } from '../test/harness/index.ts';
import type { Case } from './cases.ts';
import { docker, type Host, timed } from './host.ts';
import { random, scratchDirectory } from './scratch.ts';

const large = 'bench-large:1';
const tall = 'bench-tall:1';
const kibibyte = 1024;

/** For archives, which are made when they are first wanted. */
const directory = scratchDirectory();

/** Files of a layer: a hundred a directory, of text that shrinks to half. */
function layerTar(name: string, files: number, fileBytes: number): Buffer {
  const text = Buffer.from(random(fileBytes + files).toString('hex'));
  const pieces: Uint8Array[] = [];
  for (let index = 0; index < files; index += 1) {
    const place = `${name}/${Math.floor(index / 100)}/`;
    if (index % 100 === 0) pieces.push(tarHeader({ path: place, sizeBytes: 0, type: 'directory' }));
    const content = text.subarray(index, index + fileBytes);
    pieces.push(tarHeader({ path: `${place}${index}`, sizeBytes: fileBytes }), content, tarPadding(fileBytes));
  }
  return Buffer.concat([...pieces, tarEnd]);
}

/** An image as `docker save` writes it. */
function writeArchive(path: string, tag: string, layers: number, files: number, fileBytes: number): void {
  const output = openSync(path, 'w');
  const add = (name: string, content: Uint8Array): void => {
    for (const piece of [tarHeader({ path: name, sizeBytes: content.length }), content, tarPadding(content.length)]) {
      for (let at = 0; at < piece.length; ) at += writeSync(output, piece, at);
    }
  };
  const names = Array.from({ length: layers }, (_, index) => `layer${index}.tar`);
  const diffIds = names.map((name, index) => {
    const tar = layerTar(`of${index}`, files, fileBytes);
    add(name, tar);
    return digestOf(tar);
  });
  const rootfs = { type: 'layers', diff_ids: diffIds };
  add('config.json', Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', config: {}, rootfs })));
  add('manifest.json', Buffer.from(JSON.stringify([{ Config: 'config.json', RepoTags: [tag], Layers: names }])));
  writeSync(output, tarEnd);
  closeSync(output);
}

/** Seven layers of 80 MB in 35,000 files, or twenty small ones. */
function archiveOf(tag: typeof large | typeof tall): string {
  const path = join(directory(), tag === large ? 'large.tar' : 'tall.tar');
  if (existsSync(path)) return path;
  if (tag === large) writeArchive(path, tag, 7, 5000, 16 * kibibyte);
  else writeArchive(path, tag, 20, 300, 2 * kibibyte);
  return path;
}

/** 160 MB in 10,000 files. */
function filesTar(): string {
  const path = join(directory(), 'files.tar');
  if (!existsSync(path)) writeFileSync(path, layerTar('files', 10_000, 16 * kibibyte));
  return path;
}

async function must(host: Host, ...args: readonly string[]): Promise<void> {
  const { code, stderr } = await docker(host, ...args);
  if (code !== 0) throw new Error(`docker ${args.join(' ')} on ${host.title}: ${stderr}`);
}

const load = (host: Host, tag: typeof large | typeof tall): Promise<void> =>
  must(host, 'load', '-q', '-i', archiveOf(tag));

async function remove(host: Host, ...names: readonly string[]): Promise<void> {
  await docker(host, 'rmi', ...names);
}

let registry: TestRegistry | undefined;

/** Debian's docker-registry on this machine, for as long as a case goes on. */
async function nameAtRegistry(name: string): Promise<string> {
  registry ??= await startRegistry();
  return `${new URL(registry.url).host}/${name}`;
}

async function endRegistry(): Promise<void> {
  const running = registry;
  registry = undefined;
  await running?.[Symbol.asyncDispose]();
}

/** A tar of one file, of what nobody has seen before and cannot be compressed. */
function freshTar(bytes: number): string {
  const path = join(directory(), 'fresh.tar');
  const content = random(bytes);
  writeFileSync(
    path,
    Buffer.concat([tarHeader({ path: 'fresh', sizeBytes: bytes }), content, tarPadding(bytes), tarEnd]),
  );
  return path;
}

async function samplePush(host: Host): Promise<number> {
  const name = await nameAtRegistry('bench-push:1');
  await must(host, 'import', freshTar(50_000_000), name);
  const tookMs = await timed([dockerCli(), 'push', '-q', name], host);
  await remove(host, name);
  return tookMs;
}

async function pushLarge(host: Host): Promise<void> {
  const name = await nameAtRegistry(large);
  await load(host, large);
  await must(host, 'tag', large, name);
  await must(host, 'push', '-q', name);
  await remove(host, large, name);
}

async function samplePull(host: Host): Promise<number> {
  const name = await nameAtRegistry(large);
  const tookMs = await timed([dockerCli(), 'pull', '-q', name], host);
  await remove(host, name);
  return tookMs;
}

/** Images: in, out, to a registry and from one, and away. What was made is removed between samples, out of their time. */
export const imageCases: readonly Case[] = [
  {
    name: 'import',
    goal: '≤ 0.5',
    async sample(host) {
      const tookMs = await timed([dockerCli(), 'import', filesTar(), 'bench-import:1'], host);
      await remove(host, 'bench-import:1');
      return tookMs;
    },
  },
  {
    name: 'load',
    goal: '≤ 0.6',
    async sample(host) {
      const tookMs = await timed([dockerCli(), 'load', '-q', '-i', archiveOf(large)], host);
      await remove(host, large);
      return tookMs;
    },
  },
  {
    name: 'save',
    goal: '≤ 0.6',
    prepare: (host) => load(host, large),
    sample: (host) => timed([dockerCli(), 'save', '-o', join(directory(), 'saved.tar'), large], host),
    clear: (host) => remove(host, large),
  },
  { name: 'push', goal: '≤ 0.6', sample: samplePush, clear: endRegistry },
  { name: 'pull', goal: '≤ 0.35', prepare: pushLarge, sample: samplePull, clear: endRegistry },
  {
    name: 'rmi-20-layers',
    goal: '≤ 0.5',
    async sample(host) {
      await load(host, tall);
      return timed([dockerCli(), 'rmi', tall], host);
    },
  },
];
