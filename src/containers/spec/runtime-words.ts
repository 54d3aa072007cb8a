/** How Docker begins what it says when the runtime could not make a container: its clients look for the words. */
export const createFailed =
  'failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: ';
