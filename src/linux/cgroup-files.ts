import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, messageOf } from '#std/errors';
import { cgroupDirectory } from './cgroups.ts';
import { hasCode } from './errno.ts';

/** One setting of a cgroup. */
export interface CgroupSetting {
  /** Whose hierarchy the file is in (`memory`, `cpu`, …). */
  readonly controller: string;
  readonly file: string;
  readonly value: string;
  /** Where the kernel has it instead of in `file`, and in which form when that differs. */
  readonly alternative?: { readonly file: string; readonly value?: string };
  /** Where in the file the present value is, when it is not all of it: the first group of the match. */
  readonly pattern?: RegExp;
  /** What stands for the present value where the pattern finds none. */
  readonly absent?: string;
}

interface Write {
  readonly path: string;
  readonly value: string;
}

function present({ pattern, absent = '' }: CgroupSetting, path: string): string {
  const text = readFileSync(path, 'utf8').trim();
  return pattern === undefined ? text : (pattern.exec(text)?.[1] ?? absent);
}

function reason(error: unknown): string {
  return /^[A-Z0-9]+: ([^,]+)/.exec(messageOf(error))?.[1] ?? messageOf(error);
}

/**
 * Writes in the order given; one that the kernel finds invalid beside another's present value (a limit above that of
 * memory and swap together) is tried again after the others. Returns those written; `failure` tells of the first that was not.
 */
function writeAll(writes: readonly Write[]): { written: Write[]; failure?: { write: Write; error: unknown } } {
  const written: Write[] = [];
  let waiting = writes;
  while (waiting.length > 0) {
    const refused: { write: Write; error: unknown }[] = [];
    for (const write of waiting) {
      try {
        writeFileSync(write.path, `${write.value}\n`);
        written.push(write);
      } catch (error) {
        if (!hasCode(error, 'EINVAL')) return { written, failure: { write, error } };
        refused.push({ write, error });
      }
    }
    const [first] = refused;
    if (first !== undefined && refused.length === waiting.length) return { written, failure: first };
    waiting = refused.map(({ write }) => write);
  }
  return { written };
}

/** What is to be written and what is there, of one setting; undefined when the cgroup is gone. */
function planned(path: string, setting: CgroupSetting): { write: Write; former: Write } | undefined {
  const { controller, file, alternative, value } = setting;
  const directory = cgroupDirectory(path, controller);
  if (directory === undefined) throw fail('internal', `the cgroup controller ${controller} is not mounted`);
  if (!existsSync(directory)) return undefined;
  const isElsewhere = alternative !== undefined && !existsSync(join(directory, file));
  const place = join(directory, isElsewhere ? alternative.file : file);
  try {
    const write = { path: place, value: isElsewhere ? (alternative.value ?? value) : value };
    return { write, former: { path: place, value: present(setting, place) } };
  } catch (error) {
    throw fail('internal', `open ${place}: ${reason(error)}`, error);
  }
}

/**
 * Changes settings of the cgroup `path`, all or none: when the kernel refuses one, those already written get their former
 * values back, and `internal` is thrown with what was refused. Nothing is done when the cgroup is gone, as it is as soon
 * as its last process has ended.
 */
export function applyCgroupSettings(path: string, settings: readonly CgroupSetting[]): void {
  const plans = settings.flatMap((setting) => planned(path, setting) ?? []);
  const { written, failure } = writeAll(plans.map(({ write }) => write));
  if (failure === undefined) return;
  const undone = plans.filter(({ write }) => written.includes(write)).map(({ former }) => former);
  writeAll(undone.toReversed());
  const { write, error } = failure;
  throw fail(
    'internal',
    `failed to write ${JSON.stringify(write.value)}: write ${write.path}: ${reason(error)}`,
    error,
  );
}
