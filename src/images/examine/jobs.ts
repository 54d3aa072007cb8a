import { encodedOf } from '#oci';
import {
  blobFaultOf,
  checkLayer,
  type DiskShares,
  diffMerged,
  type LayerReport,
  type LayerToCheck,
  listMerged,
  measureDisk,
  openMerged,
  readMerged,
  type TreeDifference,
} from '#store';
import { comparePackages, type PackageDifference, packagesOf } from './packages.ts';

/** What an examiner can be asked, by name, and what it answers. */
export interface ExaminerJobs {
  /** A layer's blob and tree. */
  layer: { ask: LayerToCheck; answer: LayerReport };
  /** What is wrong with a blob; null when it is whole. */
  blob: { ask: { path: string; digest: string }; answer: string | null };
  /** How two trees differ, each given by its layers, topmost first. */
  difference: {
    ask: { before: readonly string[]; after: readonly string[] };
    answer: { files: TreeDifference[]; packages: PackageDifference[] };
  };
  /** What the engine's data take on the disk, by kind; `metadata` are the digests of manifests and configurations. */
  disk: { ask: { root: string; metadata: readonly string[] }; answer: DiskShares };
}

export type ExaminerJob = keyof ExaminerJobs;

/** Such a database is read into memory. */
const packageFileLimitBytes = 256 * 1024 * 1024;

/** Kinds of what lies in the data root, by the beginnings of their paths. */
const places: readonly (readonly [RegExp, string])[] = [
  [/^snapshots\/layers\b/, 'layers'],
  [/^snapshots\/containers\b/, 'writable-layers'],
  [/^blobs\/sha256\b/, 'blobs'],
  [/^blobs\/partial\b/, 'partial-downloads'],
  [/^(?:snapshots\/(?:unfinished|removed|mounts)|blobs\/unfinished)\b/, 'unfinished'],
  [/^containers\/[^/]+\/[^/]*\.log\b/, 'logs'],
  [/^containers\b/, 'container-state'],
  [/^volumes\b/, 'volumes'],
  [/^records\.(?:db|sqlite)/, 'records'],
];

function difference({ before, after }: ExaminerJobs['difference']['ask']): ExaminerJobs['difference']['answer'] {
  const [one, other] = [openMerged(before), openMerged(after)];
  try {
    const [left, right] = [one, other].map((root) =>
      packagesOf({
        read: (path) => readMerged(root, path, packageFileLimitBytes),
        list: (path) => listMerged(root, path),
      }),
    );
    const packages = comparePackages(left ?? [], right ?? []);
    return { files: [...diffMerged(one, other)], packages };
  } finally {
    one.close();
    other.close();
  }
}

function disk({ root, metadata }: ExaminerJobs['disk']['ask']): DiskShares {
  const manifests = new Set(metadata.map((digest) => `blobs/sha256/${encodedOf(digest)}`));
  return measureDisk(root, (path) => {
    if (manifests.has(path)) return 'manifests';
    return places.find(([pattern]) => pattern.test(path))?.[1] ?? 'other';
  });
}

/** Does one job, in whatever process this is. */
export async function examine<K extends ExaminerJob>(
  job: K,
  ask: ExaminerJobs[K]['ask'],
): Promise<ExaminerJobs[K]['answer']> {
  const workers: { [J in ExaminerJob]: (ask: ExaminerJobs[J]['ask']) => unknown } = {
    layer: checkLayer,
    blob: async ({ path, digest }) => (await blobFaultOf(path, digest)) ?? null,
    difference,
    disk,
  };
  return (await workers[job](ask)) as ExaminerJobs[K]['answer'];
}
