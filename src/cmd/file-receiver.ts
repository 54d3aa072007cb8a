import { runFileReceiver } from '#filesync/process';

/** Entry of a receiver's process; started by the engine only. */
export async function fileReceiverMain(): Promise<void> {
  await runFileReceiver();
}
