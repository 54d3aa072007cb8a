import type { LocalDirectories } from '../sources/local-directories.ts';
import { ClassicSession } from './session.ts';
import type { TakeSentFiles } from './types.ts';

/** Unpacks what clients send along with a request. It goes when it is released, or when the client does. */
export function createSentFiles(directories: Pick<LocalDirectories, 'unpack'>): TakeSentFiles {
  return async ({ body, credentials, fileName = 'Dockerfile', signal }) => {
    const directory = body && (await directories.unpack(body, { signal }));
    let isReleased = false;
    return {
      session: new ClassicSession(directory, credentials, fileName, signal),
      release: () => {
        if (!isReleased) directory?.release();
        isReleased = true;
      },
    };
  };
}
