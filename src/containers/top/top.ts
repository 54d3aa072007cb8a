import type { ContainerTop } from '#api';
import type { Events } from '#events';
import { processes } from '#linux/cgroups';
import { hasCode } from '#linux/errno';
import { mayHoldItsMemory, type ProcessFacts, readProcessFacts, readUptimeSeconds } from '#linux/process-facts';
import { fail } from '#std/errors';
import { announce } from '../announce.ts';
import type { Catalog } from '../catalog.ts';
import { cgroupOf } from '../exit/release.ts';
import type { ContainerPaths } from '../paths.ts';
import { hasProcess } from '../record.ts';
import { columnsFor, thisMoment } from './columns.ts';

const defaultArguments = '-ef';
const psTimeoutMs = 10_000;

/** A column may be renamed, but none may take the name of the one by which processes are told. */
function checkArguments(psArguments: string): void {
  for (const [, name, title] of psArguments.matchAll(/\s+(\S*)=\s*(PID\S*)/g)) {
    if (name !== 'pid') throw fail('internal', `specifying "${name}=${title}" is not allowed`);
  }
}

const wordsOf = (line: string): string[] => line.split(/[ \t\n\v\f\r]+/).filter((word) => word !== '');

/** The rows of ps that are of these processes; lines of threads (`-` for a pid) go with the process above them. */
export function parsePsOutput(output: string, pids: ReadonlySet<number>): ContainerTop {
  const [head = '', ...lines] = output.split('\n');
  const Titles = wordsOf(head);
  const at = Titles.indexOf('PID');
  if (at === -1) throw fail('internal', "Couldn't find PID field in ps output");
  const Processes: string[][] = [];
  let isOurs = false;
  for (const line of lines) {
    if (line === '') continue;
    const words = wordsOf(line);
    const pid = words[at] ?? '';
    if (pid !== '-') {
      if (!/^\d+$/.test(pid)) throw fail('internal', `Unexpected pid '${pid}'`);
      isOurs = pids.has(Number(pid));
    }
    const last = Titles.length - 1;
    if (isOurs) Processes.push([...words.slice(0, last), words.slice(last).join(' ')]);
  }
  return { Processes, Titles };
}

async function runPs(words: readonly string[], signal: AbortSignal): Promise<{ output: string; complaint?: string }> {
  const environment = { ...process.env };
  delete environment.COLUMNS;
  let child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>;
  try {
    child = Bun.spawn(['ps', ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environment,
      signal: AbortSignal.any([signal, AbortSignal.timeout(psTimeoutMs)]),
      // It handles the others, and a process that waits in the kernel handles nothing.
      killSignal: 'SIGKILL',
    });
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
    throw fail('unavailable', 'exec: "ps": executable file not found in $PATH: install procps for these arguments');
  }
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code === 0) return { output };
  const [line = ''] = errors.split('\n');
  return { output, complaint: `ps: ${line === '' ? `exit status ${code}` : line}` };
}

/** What the host's ps says with these arguments of these processes. */
async function askPs(psArguments: string, pids: readonly number[], signal: AbortSignal): Promise<ContainerTop> {
  const words = psArguments.split(' ');
  let found = await runPs([...words, `-q${pids.join(',')}`], signal);
  // Some options cannot be used together with the list of processes.
  if (found.complaint !== undefined) found = await runPs(words, signal);
  if (found.complaint !== undefined) throw fail('internal', found.complaint);
  return parsePsOutput(found.output, new Set(pids));
}

/** So many processes are looked at before others have their turn. */
const turnSize = 64;

/** Undefined when one of them could hold up who asks: then a process that can be killed is to ask. */
async function readFacts(pids: readonly number[]): Promise<ProcessFacts[] | undefined> {
  const found: ProcessFacts[] = [];
  for (const [index, pid] of pids.entries()) {
    if (mayHoldItsMemory(pid)) return undefined;
    const facts = readProcessFacts(pid);
    if (facts !== undefined) found.push(facts);
    if (index % turnSize === turnSize - 1) await new Promise((resolve) => setImmediate(resolve));
  }
  return found;
}

/** What the usual arguments ask for, without a process. */
async function readOurselves(psArguments: string, pids: readonly number[]): Promise<ContainerTop | undefined> {
  const columns = columnsFor(psArguments);
  if (columns === undefined) return undefined;
  const Titles = columns.map(([title]) => title);
  if (!Titles.includes('PID')) throw fail('internal', "Couldn't find PID field in ps output");
  const moment = thisMoment(readUptimeSeconds());
  const found = await readFacts(pids);
  if (found === undefined) return undefined;
  return {
    Processes: found.map((facts) => columns.map(([, value]) => wordsOf(value(facts, moment)).join(' '))),
    Titles,
  };
}

/** `GET /containers/{id}/top`: the processes of a container, with arguments of ps(1). */
export type Top = (name: string, psArguments: string | undefined, signal: AbortSignal) => Promise<ContainerTop>;

/** Makes it. */
export function createTop(catalog: Catalog, events: Events, paths: ContainerPaths): Top {
  return async (name, psArguments = defaultArguments, signal) => {
    checkArguments(psArguments);
    const record = catalog.find(name);
    if (record.life.phase === 'restarting') {
      throw fail('conflict', `Container ${record.id} is restarting, wait until the container is running`);
    }
    if (!hasProcess(record)) throw fail('conflict', `container ${record.id} is not running`);
    const pids = processes(cgroupOf(record, paths)).sort((one, other) => one - other);
    const found = (await readOurselves(psArguments, pids)) ?? (await askPs(psArguments, pids, signal));
    announce(events, record, 'top');
    return found;
  };
}
