import { closeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createTarReader } from '#oci';
import { fail, kindOf, messageOf } from '#std/errors';
import { decompress, detectCompression } from '#store';
import { closeReader } from '../brief.ts';
import { explain } from '../explain.ts';
import { absolutePath, packPlace, packRoot } from '../pack.ts';
import { type Frame, FrameWriter, type PorterRequest, readFrames } from '../protocol.ts';
import { pathStatOf, statPath } from '../stat.ts';
import { openTarget } from '../target.ts';
import { Unpacker } from '../unpack.ts';
import { ContainerView } from '../view.ts';

/** So long a session works before another may. */
const turnMs = 5;
const pieceBytes = 128 * 1024;
const longestRequestBytes = 4 * 1024 * 1024;

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Takes the request off the head of a connection; what comes behind it are frames. */
async function readRequest(chunks: AsyncIterator<Buffer>): Promise<{ request: PorterRequest; rest: Buffer }> {
  let line: Buffer = Buffer.alloc(0);
  for (;;) {
    const end = line.indexOf(0x0a);
    if (end !== -1) {
      return { request: JSON.parse(line.toString('utf8', 0, end)) as PorterRequest, rest: line.subarray(end + 1) };
    }
    const { done, value } = await chunks.next();
    if (done || line.length > longestRequestBytes) throw fail('internal', 'no request came');
    line = line.length === 0 ? value : Buffer.concat([line, value]);
  }
}

/** The client's bytes; throws when the engine went away before their end. */
async function* bodyOf(frames: AsyncIterator<Frame>): AsyncGenerator<Buffer, void, undefined> {
  for (;;) {
    const { done, value } = await frames.next();
    if (done) throw fail('cancelled', 'the client went away');
    if (value.kind === 'end') return;
    yield value.payload;
  }
}

async function unpack(view: ContainerView, request: PorterRequest, body: AsyncIterable<Buffer>): Promise<void> {
  const top = openTarget(view, request.path);
  try {
    using unpacker = new Unpacker(view, top, request.options ?? { noOverwriteDirNonDir: false });
    const reader = createTarReader(unpacker);
    const { compression, source } = await detectCompression(body);
    let turnBeganMs = performance.now();
    for await (const chunk of decompress(source, compression)) {
      for (let offset = 0; offset < chunk.length; offset += pieceBytes) {
        await reader.write(chunk.subarray(offset, offset + pieceBytes));
        if (performance.now() - turnBeganMs < turnMs) continue;
        await nextTurn();
        turnBeganMs = performance.now();
      }
    }
    closeReader(reader);
    unpacker.finish();
  } finally {
    closeSync(top.descriptor);
  }
}

async function send(writer: FrameWriter, chunks: Generator<Buffer>): Promise<void> {
  for (const chunk of chunks) {
    await writer.write('data', chunk);
    await nextTurn();
  }
}

async function pack(view: ContainerView, request: PorterRequest, writer: FrameWriter): Promise<void> {
  if (request.verb === 'export') {
    await writer.write('head', Buffer.from('{}'));
    await send(writer, packRoot(view));
    return;
  }
  const path = absolutePath(request.path);
  const place = view.lookUp(path, false);
  try {
    await writer.write('head', Buffer.from(JSON.stringify(pathStatOf(view, place, path))));
    await send(writer, packPlace(view, place, path, { waits: true }));
  } finally {
    closeSync(place.descriptor);
  }
}

async function answer(request: PorterRequest, frames: AsyncIterator<Frame>, writer: FrameWriter): Promise<void> {
  try {
    using view = new ContainerView(request.view);
    if (request.verb === 'unpack') await unpack(view, request, bodyOf(frames));
    else if (request.verb === 'stat') {
      await writer.write('head', Buffer.from(JSON.stringify(statPath(view, request.path))));
    } else await pack(view, request, writer);
  } catch (error) {
    throw explain(error, request.path, request.container);
  }
}

/** Serves one connection to its end. Never rejects. */
export async function serveSession(socket: Socket): Promise<void> {
  socket.on('error', () => socket.destroy());
  const writer = new FrameWriter(socket);
  try {
    const chunks = (socket as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    const { request, rest } = await readRequest(chunks);
    await writer.write('accepted');
    const frames = readFrames(behind(rest, chunks));
    let result = {};
    try {
      await answer(request, frames, writer);
    } catch (error) {
      result = { error: { kind: kindOf(error), message: messageOf(error) } };
    }
    await writer.write('result', Buffer.from(JSON.stringify(result)));
    socket.end();
    // The engine may still be sending: its bytes are dropped until it has read the result and closes.
    while (!(await frames.next()).done);
  } catch {
    // The engine is gone, and so is whoever wanted this.
  } finally {
    socket.destroy();
  }
}

async function* behind(first: Buffer, chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  if (first.length > 0) yield first;
  for (;;) {
    const { done, value } = await chunks.next();
    if (done) return;
    yield value;
  }
}
