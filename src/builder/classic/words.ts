import { posix } from 'node:path';
import type { Instruction } from '#dockerfile';
import { EstibaError, fail, messageOf } from '#std/errors';
import { StepFailure } from '../steps/failure.ts';
import { withoutArguments } from './history.ts';

/** What a step of the classic builder fails of, and its exit code when it ran. */
export interface StepError {
  readonly message: string;
  readonly code?: number;
}

const requiresBuildkit = (flag: string): Error =>
  fail(
    'invalid-argument',
    `the --${flag} option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to learn how to build images with BuildKit enabled`,
  );

/** What the classic builder does not do; undefined when it does. */
export function classicRefusal(instruction: Instruction): Error | undefined {
  if (instruction.type === 'RUN') {
    if (instruction.mountTexts.length > 0) return requiresBuildkit('mount');
    return instruction.network === 'default' ? undefined : requiresBuildkit('network');
  }
  if (instruction.type !== 'COPY' && instruction.type !== 'ADD') return undefined;
  const { type, chmod, sources, destination } = instruction;
  if (chmod !== '') return requiresBuildkit('chmod');
  if (sources.length === 0) return fail('invalid-argument', `${type} failed: no source files were specified`);
  const outside = instruction.type === 'COPY' && instruction.from !== '' ? undefined : sources.find(leadsOut);
  if (outside !== undefined) {
    return fail('invalid-argument', `${type} failed: forbidden path outside the build context: ${outside} ()`);
  }
  if (sources.length === 1 || destination.endsWith('/')) return undefined;
  const why = 'the destination must be a directory and end with a /';
  return fail('invalid-argument', `When using ${type} with more than one source file, ${why}`);
}

const leadsOut = (source: string): boolean => /^\.\.(?:\/|$)/.test(posix.normalize(source));

function rootOf(error: unknown): unknown {
  let root = error;
  while (root instanceof EstibaError && root.cause instanceof Error && !(root instanceof StepFailure))
    root = root.cause;
  return root;
}

/** What the classic builder says otherwise than BuildKit. */
function settingWords(message: string): string {
  if (/^network \S+ not found$/.test(message)) return `failed to set up container networking: ${message}`;
  const [, index] = /^invalid stage index (\d+)$/.exec(message) ?? [];
  if (index !== undefined) return `invalid from flag value ${index}: index out of bounds`;
  return message.replace(/^failed to parse stage name ".*": /, '');
}

/** An error of a step in the words of the classic builder; `complaint` is what the runtime said of a process that never was. */
export function stepError(
  instruction: Instruction | undefined,
  words: readonly string[],
  error: unknown,
  complaint?: string,
): StepError {
  const root = rootOf(error);
  if (complaint !== undefined) {
    const before = 'failed to create task for container: failed to create shim task: OCI runtime create failed: ';
    return { message: before + complaint.replace(/^runc run failed/, 'runc create failed') };
  }
  if (root instanceof StepFailure) {
    const { exitCode } = root;
    const command = withoutArguments(words).join(' ');
    return { message: `The command '${command}' returned a non-zero code: ${exitCode}`, code: exitCode };
  }
  const message = messageOf(error);
  const [, unresolved] = /^(?:\S+: )?failed to resolve source metadata for \S+: (.*)$/s.exec(message) ?? [];
  if (unresolved !== undefined) return { message: unresolved };
  if (instruction?.type !== 'COPY' && instruction?.type !== 'ADD') return { message: settingWords(messageOf(root)) };
  if (instruction.sources.some((source) => /[*?[]/.test(source)) && / not found$/.test(message)) {
    return { message: `${instruction.type} failed: no source files were specified` };
  }
  const [, missing] = /"\/?([^"]*)": not found$/.exec(message) ?? [];
  const [, absent] = /(?:lstat|stat) \/?(.*): no such file or directory$/.exec(message) ?? [];
  const path = missing ?? absent;
  if (path === undefined) return { message: `${instruction.type} failed: ${messageOf(root)}` };
  const isContext = instruction.type === 'ADD' || instruction.from === '';
  const where = isContext ? 'file not found in build context or excluded by .dockerignore: ' : '';
  return { message: `${instruction.type} failed: ${where}stat ${path}: file does not exist` };
}
