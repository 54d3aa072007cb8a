/**
 * Counts what changes in a file system, and cuts its power at the Nth change; without a number it only counts, and tells how
 * many there were when its standard input ends. Arguments: a path in the file system, the number.
 */
import { dlopen, ptr } from 'bun:ffi';
import { closeSync, openSync, readSync } from 'node:fs';
import { check, libc } from '#linux/errno';
import { cutPower } from './power-disk.ts';

/** fanotify_init(2), fanotify_mark(2). */
const uniqueNames = 0xe00;
const unlimitedQueue = 0x10;
const addMark = 0x1;
const ofFileSystem = 0x100;
/** Modified, attributes changed, closed after writing, moved, created, deleted; directories too. */
const changes = 0x2n | 0x4n | 0x8n | 0x40n | 0x80n | 0x100n | 0x200n | 0x4000_0000n;
const currentDirectory = -100;
const readable = 0x1;

const library = libc({
  fanotify_init: { args: ['u32', 'u32'], returns: 'i32' },
  fanotify_mark: { args: ['i32', 'u32', 'u64', 'i32', 'buffer'], returns: 'i32' },
});
// Its errno is of no interest, and its buffer changes while it waits.
const { poll } = dlopen('libc.so.6', { poll: { args: ['ptr', 'u64', 'i32'], returns: 'i32' } }).symbols;

const [path = '', number] = process.argv.slice(2);
const wanted = number === undefined ? Number.POSITIVE_INFINITY : Number(number);
const notifications = check('fanotify_init', library().fanotify_init(uniqueNames | unlimitedQueue, 0));
const place = Buffer.from(`${path}\0`);
check(
  'fanotify_mark',
  library().fanotify_mark(notifications, addMark | ofFileSystem, changes, currentDirectory, place),
);
const root = openSync(path, 'r');

const buffer = Buffer.alloc(64 * 1024);
let count = 0;

function take(): void {
  const length = readSync(notifications, buffer);
  for (let offset = 0; offset < length; offset += buffer.readUInt32LE(offset)) count += 1;
}

/** struct pollfd of the notifications and of standard input. */
const polled = new Int32Array([notifications, readable, 0, readable]);
process.stdout.write('counting\n');
while (count < wanted) {
  polled[1] = readable;
  polled[3] = readable;
  poll(ptr(polled), 2n, -1);
  if ((polled[1] ?? 0) >> 16 !== 0) take();
  else if ((polled[3] ?? 0) >> 16 !== 0) break;
}
if (count >= wanted) cutPower(root);
closeSync(root);
process.stdout.write(`${count}\n`);
