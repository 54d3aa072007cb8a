import { runFileReceiver } from '#filesync/process';

/** Entry of a receiver's process; started by the engine only. */
export function fileReceiverMain(): void {
  runFileReceiver();
}
