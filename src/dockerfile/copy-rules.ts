import { fail } from '#std/errors';
import type { AddInstruction, CopyInstruction } from './instruction.ts';
import { quoteGo } from './quote.ts';

const wrong = (message: string): Error => fail('invalid-argument', message);

/** Permissions as `chmod` takes them in letters. */
const symbolic = /^[ugoa]*[-+=](?:[rwxXst]*|[ugo])(?:[-+=](?:[rwxXst]*|[ugo]))*$/;

/** Checks `--chmod` when its variables are expanded: an octal number or letters as `u+x,go=rX`. */
export function requireMode(mode: string): void {
  if (mode === '') return;
  if (/^\d+$/.test(mode)) {
    if (/^0*[0-7]{1,4}$/.test(mode)) return;
    throw wrong(`invalid chmod parameter: '${mode}'. it should be octal string and between 0 and 07777`);
  }
  if (!mode.split(',').every((part) => symbolic.test(part))) throw wrong('invalid syntax');
}

/** Whether a source of ADD is a web address that is fetched as a file. */
export function isWebSource(source: string): boolean {
  return /^https?:\/\//.test(source) && !isGitSource(source);
}

/** Whether a source of ADD is a git repository. */
export function isGitSource(source: string): boolean {
  return /^(?:git:\/\/|ssh:\/\/|git@[^/:]+:)/.test(source) || /^https?:\/\/[^?#]*\.git(?:[?#].*)?$/.test(source);
}

const digestLengths: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

/** Checks `--checksum` against what it is of. */
export function requireChecksum({ checksum, sources }: AddInstruction): void {
  if (checksum === '') return;
  if (sources.length !== 1) throw wrong("checksum can't be specified for multiple sources");
  const [source = ''] = sources;
  if (isGitSource(source)) return;
  if (!isWebSource(source)) throw wrong('checksum requires HTTP(S) or Git sources');
  const [, algorithm, hex] = /^([a-z0-9]+(?:[+._-][a-z0-9]+)*):([a-zA-Z0-9=_-]+)$/.exec(checksum) ?? [];
  if (algorithm === undefined || hex === undefined) throw wrong('invalid checksum digest format');
  const length = Object.hasOwn(digestLengths, algorithm) ? digestLengths[algorithm] : undefined;
  if (length === undefined) throw wrong('unsupported digest algorithm');
  if (hex.length !== length) throw wrong('invalid checksum digest length');
  if (!/^[a-f0-9]+$/.test(hex)) throw wrong('invalid checksum digest format');
}

/** What COPY says of a stage that is not there yet. */
export function notYetThere(instruction: CopyInstruction, stage: string): Error {
  const why = `it needs to be defined before current stage ${quoteGo(stage)}`;
  return wrong(`cannot copy from stage ${quoteGo(instruction.from)}, ${why}`);
}
