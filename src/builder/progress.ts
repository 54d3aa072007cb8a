import type { LineRange } from '#dockerfile';

/** What is told of a vertex: the later one replaces the earlier. Times are RFC 3339 with nanoseconds. */
export interface VertexProgress {
  readonly type: 'vertex';
  readonly digest: string;
  readonly inputs: readonly string[];
  readonly name: string;
  readonly startedAt?: string;
  readonly completedAt?: string;
  readonly isCached?: boolean;
  readonly error?: string;
  readonly progressGroup?: { readonly id: string; readonly name: string; readonly isWeak: boolean };
  /** Why it was done anew (`estiba build --explain`): which file, argument or base changed. */
  readonly cause?: string;
}

/** Something within a vertex: a layer that is downloaded, files that come. */
export interface StatusProgress {
  readonly type: 'status';
  readonly vertex: string;
  readonly id: string;
  readonly name?: string;
  readonly current: number;
  /** 0 when it is not known. */
  readonly total: number;
  readonly at: string;
  readonly startedAt?: string;
  readonly completedAt?: string;
}

export interface LogProgress {
  readonly type: 'log';
  readonly vertex: string;
  /** 1 is standard output, 2 is standard error. */
  readonly stream: 1 | 2;
  readonly data: Uint8Array;
  readonly at: string;
}

export interface WarningProgress {
  readonly type: 'warning';
  readonly vertex: string;
  readonly level: number;
  readonly short: string;
  readonly detail: readonly string[];
  readonly url: string;
  readonly fileName?: string;
  readonly source?: string;
  readonly ranges: readonly LineRange[];
}

export type Progress = VertexProgress | StatusProgress | LogProgress | WarningProgress;

/** Told everything of one build as it happens. Never throws. */
export type OnProgress = (progress: Progress) => void;
