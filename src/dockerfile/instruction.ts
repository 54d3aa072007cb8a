import type { Heredoc } from './heredoc.ts';
import type { MountOptions } from './mount.ts';
import type { Node } from './syntax.ts';

/** What an instruction runs: words as they are, or one line for a shell. */
export interface CommandLine {
  readonly words: readonly string[];
  readonly isShell: boolean;
  readonly heredocs: readonly Heredoc[];
}

export interface KeyValue {
  readonly key: string;
  readonly value: string;
}

export interface Argument {
  readonly key: string;
  /** Its default. */
  readonly value?: string;
  /** The default that stands in the Dockerfile, where `value` may be what the build was given. */
  readonly written?: string;
  /** What the comment above says about it. */
  readonly description?: string;
}

/** A file that COPY or ADD writes, from a here-document. */
export interface InlineFile {
  readonly name: string;
  readonly content: string;
  readonly expands: boolean;
}

interface Base {
  /** What it was parsed from: source, ranges, lines. */
  readonly node: Node;
}

export interface ArgInstruction extends Base {
  readonly type: 'ARG';
  readonly arguments: readonly Argument[];
}

export interface EnvInstruction extends Base {
  readonly type: 'ENV';
  readonly pairs: readonly (KeyValue & { readonly isLegacy: boolean })[];
}

export interface LabelInstruction extends Base {
  readonly type: 'LABEL';
  readonly pairs: readonly (KeyValue & { readonly isLegacy: boolean })[];
}

export interface RunInstruction extends Base {
  readonly type: 'RUN';
  readonly command: CommandLine;
  /** As they are written: variables in them are expanded when the step's environment is known. */
  readonly mountTexts: readonly string[];
  /** The same parsed; in what `parseDockerfile` gives they hold no more than `from`. */
  readonly mounts: readonly MountOptions[];
  readonly network: 'default' | 'none' | 'host';
  readonly security: 'sandbox' | 'insecure';
  readonly devices: readonly DeviceRequest[];
}

/** A device of the Container Device Interface. */
export interface DeviceRequest {
  readonly name: string;
  readonly required: boolean;
}

interface Transfer extends Base {
  readonly sources: readonly string[];
  readonly files: readonly InlineFile[];
  readonly destination: string;
  readonly chown: string;
  readonly chmod: string;
  readonly link: boolean;
  readonly excludes: readonly string[];
}

export interface CopyInstruction extends Transfer {
  readonly type: 'COPY';
  /** A stage by name or number, a named context or an image; empty for the build context. */
  readonly from: string;
  readonly parents: boolean;
}

export interface AddInstruction extends Transfer {
  readonly type: 'ADD';
  readonly checksum: string;
  readonly keepGitDirectory: boolean;
  /** Undefined: local archives are unpacked, those from elsewhere are not. */
  readonly unpack?: boolean;
}

export interface CommandInstruction extends Base {
  readonly type: 'CMD' | 'ENTRYPOINT';
  readonly command: CommandLine;
}

export interface ListInstruction extends Base {
  readonly type: 'EXPOSE' | 'VOLUME' | 'SHELL';
  readonly values: readonly string[];
  /** Of an EXPOSE that was evaluated: its words before they became ports. */
  readonly written?: readonly string[];
}

export interface TextInstruction extends Base {
  readonly type: 'USER' | 'WORKDIR' | 'STOPSIGNAL' | 'MAINTAINER';
  readonly value: string;
}

export interface HealthcheckInstruction extends Base {
  readonly type: 'HEALTHCHECK';
  /** `NONE`, `CMD` and words, or `CMD-SHELL` and a line. */
  readonly test: readonly string[];
  /** In nanoseconds; 0 where none is given. */
  readonly interval: number;
  readonly timeout: number;
  readonly startPeriod: number;
  readonly startInterval: number;
  readonly retries: number;
}

export interface OnbuildInstruction extends Base {
  readonly type: 'ONBUILD';
  /** What goes into the image, as it is written. */
  readonly trigger: string;
}

export type Instruction =
  | ArgInstruction
  | EnvInstruction
  | LabelInstruction
  | RunInstruction
  | CopyInstruction
  | AddInstruction
  | CommandInstruction
  | ListInstruction
  | TextInstruction
  | HealthcheckInstruction
  | OnbuildInstruction;

/** One FROM and what follows it. */
export interface Stage {
  readonly node: Node;
  /** The base as it is written: variables are not expanded. */
  readonly base: string;
  /** In lower case; empty when it has none. */
  readonly name: string;
  readonly platform: string;
  readonly description?: string;
  readonly instructions: readonly Instruction[];
}
