import { expect, test } from 'bun:test';
import { type MountEntry, readMounts } from './mount.ts';
import { checkAnswers } from './remote-files.ts';

const mounts = ['/ ext4', '/srv nfs4', '/srv/fast xfs', '/mnt fuse.sshfs', '/mnt ext4'].map((line) => {
  const [target, type] = line.split(' ');
  return { ...readMounts()[0], target, type } as MountEntry;
});

test('a server that does not answer is an error; other file systems are not even asked', async () => {
  const hanging = { mounts, program: ['sh', '-c', 'exec sleep 1000'], timeoutMs: 50 };
  await expect(checkAnswers('/srv/x', hanging)).rejects.toThrow('/srv/x: its file system does not answer');
  for (const path of ['/srv/fast/x', '/srv-other', '/mnt/x', '/etc']) {
    await checkAnswers(path, { mounts, program: ['/no/such/program'] });
  }
});

test('one that answers is none, whatever it says', async () => {
  await checkAnswers('/srv/x', { mounts });
  await checkAnswers('/srv', { mounts, program: ['false'] });
});
