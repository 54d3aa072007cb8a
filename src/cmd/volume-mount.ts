import { SystemCallError } from '#linux/errno';
import { mount } from '#linux/mount';
import { dieWithParent } from '#linux/process';
import { messageOf } from '#std/errors';

/**
 * Entry of the process in which the engine makes a volume's mount that may wait for a server or a disk; started by the
 * engine only. Its argument is the mount, as JSON. Prints the number of the error when the kernel refuses it.
 */
export function volumeMountMain([call = '{}']: readonly string[]): number {
  // Its mount would have no owner.
  dieWithParent();
  try {
    mount(JSON.parse(call) as Parameters<typeof mount>[0]);
    return 0;
  } catch (error) {
    if (error instanceof SystemCallError) process.stdout.write(String(error.errno));
    process.stderr.write(messageOf(error));
    return 1;
  }
}
