/** What differs between two images: the answer of `GET /estiba/images/diff`. Names of files are UTF-8 as far as they are. */
export interface ImageDifference {
  Before: ImageSide;
  After: ImageSide;
  /** In the order of names; a directory that only one side has stands for all that is in it. */
  Files: FileDifference[];
  Packages: { Manager: string; Name: string; Before?: string; After?: string }[];
  Config: ConfigDifference[];
  /** Layers at the bottom that are the very same. */
  SharedLayers: number;
  SharedSize: number;
}

export interface ImageSide {
  Id: string;
  Names: string[];
  Size: number;
  Layers: number;
}

export interface FileDifference {
  Path: string;
  Kind: 'added' | 'removed' | 'changed';
  /** Of a changed file: type, mode, owner, contents, link, device, attributes. */
  What: string[];
  Directory: boolean;
  /** Files that it stands for. */
  Files: number;
  SizeBefore: number;
  SizeAfter: number;
}

/** A field of the configuration; with a key where only a part of it differs. */
export interface ConfigDifference {
  Field: string;
  Key?: string;
  Before?: unknown;
  After?: unknown;
}

/** Images and the layers that they share: the answer of `GET /estiba/images/tree`. */
export interface ImageTree {
  Roots: ImageTreeNode[];
}

/** Layers that the same images have; then the images that end here, and what stands on these layers. */
export interface ImageTreeNode {
  /** Diff ids, from the base upwards. */
  Layers: string[];
  /** Bytes of these layers. */
  Size: number;
  /** Images that have them. */
  Sharers: number;
  Images: ImageTreeLeaf[];
  Children: ImageTreeNode[];
}

export interface ImageTreeLeaf {
  Id: string;
  Names: string[];
  Size: number;
  /** Of its size what other images have too. */
  SharedSize: number;
  Containers: { Id: string; Running: boolean }[];
}

/** What everything in the data root takes on the disk: the answer of `GET /estiba/system/df`. */
export interface DiskShareReport {
  Root: string;
  /** As du(1) counts. */
  Total: number;
  /** Bytes by kind, the largest first. */
  Shares: { Kind: string; Size: number }[];
}

/** Something that is wrong with an image. */
export interface ImageProblem {
  Subject: 'record' | 'config' | 'manifest' | 'blob' | 'layer';
  /** Of a layer its diff id. */
  Digest: string;
  /** Of a file in a layer. */
  Path?: string;
  Message: string;
}

/** What a check found of one image; one comes for each as an `aux` of the progress stream of `POST /estiba/images/check`. */
export interface ImageCheckReport {
  Id: string;
  Names: string[];
  /** Those that are there still. */
  Problems: ImageProblem[];
  /** With those of files that are not named, for there are too many. */
  ProblemsTotal: number;
  /** What was healed, in words. */
  Healed: string[];
  /** Why something was not. */
  NotHealed: string[];
}

/** What the engine would remove now, or did: the answer of `GET` and `POST /estiba/images/gc`. */
export interface ImageGcReport {
  /** Whether a policy is set (`image-gc` in daemon.json). */
  Enabled: boolean;
  Policy: { High: string; Low: string; KeepLast: number; Pinned: string[]; MinAge: string };
  Observed: { FileSystemSize: number; FileSystemUsed: number; ImagesSize: number };
  /** Why there is something to do, or nothing. */
  Reason: string;
  Steps: ImageGcStep[];
  /** Images that stay, and why. */
  Kept: { Id: string; Names: string[]; Reason: string }[];
  /** Bytes that the steps free, as far as it is known beforehand. */
  Reclaims: number;
}

export interface ImageGcStep {
  Kind: 'image' | 'partial-download';
  /** Image id, or the digest of what was being downloaded. */
  Id: string;
  Names: string[];
  Size: number;
  LastUsed: string;
  Cause: string;
  /** After a run: why it was left. */
  Skipped?: string;
}
