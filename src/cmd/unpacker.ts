import { runUnpacker } from '#store';

/** Entry of an unpacker's process; started by the engine only. */
export async function unpackerMain(): Promise<void> {
  await runUnpacker();
}
