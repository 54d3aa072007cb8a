import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import type { ProcessFacts } from '#linux/process-facts';
import { lazy } from '#std/lazy';

/** The moment that a list of processes is made at. */
export interface Moment {
  readonly uptimeSeconds: number;
  readonly now: Date;
  /** Name of a user of the host. */
  userName(uid: number): string | undefined;
}

type Column = readonly [title: string, value: (process: ProcessFacts, moment: Moment) => string];

const nameWidth = 8;
const pad = (value: number): string => String(value).padStart(2, '0');

/** ps(1) shows what is not printable as a question mark. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}

function elapsedSeconds({ startSeconds }: ProcessFacts, { uptimeSeconds }: Moment): number {
  return Math.max(Math.floor(uptimeSeconds - startSeconds), 0);
}

/** `[DD-]HH:MM:SS`; a short form leaves out hours that are none. */
function clock(seconds: number, isShort: boolean): string {
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor((seconds % 86_400) / 3600);
  const rest = `${pad(Math.floor((seconds % 3600) / 60))}:${pad(seconds % 60)}`;
  if (days > 0) return `${days}-${pad(hours)}:${rest}`;
  return isShort && hours === 0 ? rest : `${pad(hours)}:${rest}`;
}

function user({ uid }: ProcessFacts, { userName }: Moment): string {
  const name = userName(uid) ?? String(uid);
  return name.length <= nameWidth ? name : `${name.slice(0, nameWidth - 1)}+`;
}

/** When it started: the time today, the day this year, else the year. */
function startTime(process: ProcessFacts, moment: Moment): string {
  const { now } = moment;
  const start = new Date(now.getTime() - (moment.uptimeSeconds - process.startSeconds) * 1000);
  if (start.getFullYear() !== now.getFullYear()) return String(start.getFullYear());
  if (start.toDateString() === now.toDateString()) return `${pad(start.getHours())}:${pad(start.getMinutes())}`;
  return `${start.toLocaleString('en-US', { month: 'short' })}${pad(start.getDate())}`;
}

const pseudoTerminals = 136;

function terminal({ terminal: device }: ProcessFacts): string {
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  if (device === 0) return '?';
  // The slaves of /dev/pts have eight majors, each for 256 of them.
  if (major >= pseudoTerminals && major < pseudoTerminals + 8) {
    return `pts/${((major - pseudoTerminals) << 8) + minor}`;
  }
  return major === 4 ? `tty${minor}` : '?';
}

function stateFlags(process: ProcessFacts): string {
  const { state, nice, hasLockedMemory, session, pid, threads, group, foregroundGroup } = process;
  const flags: readonly (readonly [boolean, string])[] = [
    [nice < 0, '<'],
    [nice > 0, 'N'],
    [hasLockedMemory, 'L'],
    [session === pid, 's'],
    [threads > 1, 'l'],
    [group === foregroundGroup, '+'],
  ];
  return state + flags.map(([isSet, flag]) => (isSet ? flag : '')).join('');
}

function command({ commandLine, name, state }: ProcessFacts): string {
  if (state === 'Z') return `[${printable(name)}] <defunct>`;
  return printable(commandLine.length === 0 ? `[${name}]` : commandLine.join(' '));
}

function programName({ name, state }: ProcessFacts): string {
  return printable(name) + (state === 'Z' ? ' <defunct>' : '');
}

function tenths(value: number): string {
  const whole = Math.floor(value);
  return value > 99.9 ? String(whole) : `${whole}.${Math.floor(value * 10) % 10}`;
}

function cpuPercent(process: ProcessFacts, moment: Moment): number {
  const elapsed = elapsedSeconds(process, moment);
  return elapsed === 0 ? 0 : (process.cpuSeconds * 100) / elapsed;
}

const share = (process: ProcessFacts): string => tenths((process.residentBytes * 100) / totalmem());
const percent = (process: ProcessFacts, moment: Moment): string => tenths(cpuPercent(process, moment));
const cpuTime = ({ cpuSeconds }: ProcessFacts): string => clock(cpuSeconds, false);
const shortCpuTime = ({ cpuSeconds }: ProcessFacts): string => `${Math.floor(cpuSeconds / 60)}:${pad(cpuSeconds % 60)}`;
const wholePercent = (process: ProcessFacts, moment: Moment): string =>
  String(Math.min(Math.floor(cpuPercent(process, moment)), 99));
const virtualKilobytes = ({ virtualBytes }: ProcessFacts): string => String(Math.floor(virtualBytes / 1024));
const residentKilobytes = ({ residentBytes }: ProcessFacts): string => String(Math.floor(residentBytes / 1024));

/** The columns of ps(1) that are made here, by the word that asks for each. */
const columns: Readonly<Record<string, Column>> = {
  pid: ['PID', ({ pid }) => String(pid)],
  ppid: ['PPID', ({ parent }) => String(parent)],
  pgid: ['PGID', ({ group }) => String(group)],
  sid: ['SID', ({ session }) => String(session)],
  user: ['USER', user],
  uid: ['UID', ({ uid }) => String(uid)],
  comm: ['COMMAND', programName],
  args: ['COMMAND', command],
  command: ['COMMAND', command],
  cmd: ['CMD', command],
  etime: ['ELAPSED', (process, moment) => clock(elapsedSeconds(process, moment), true)],
  etimes: ['ELAPSED', (process, moment) => String(elapsedSeconds(process, moment))],
  time: ['TIME', cpuTime],
  cputime: ['TIME', cpuTime],
  pcpu: ['%CPU', percent],
  '%cpu': ['%CPU', percent],
  pmem: ['%MEM', share],
  '%mem': ['%MEM', share],
  rss: ['RSS', residentKilobytes],
  vsz: ['VSZ', virtualKilobytes],
  stat: ['STAT', stateFlags],
  s: ['S', ({ state }) => state],
  state: ['S', ({ state }) => state],
  tty: ['TT', terminal],
  tt: ['TT', terminal],
  tname: ['TTY', terminal],
  nlwp: ['NLWP', ({ threads }) => String(threads)],
  stime: ['STIME', startTime],
};

/** `ps -ef`: what `docker top` shows when nothing else is asked for. */
const fullFormat: readonly Column[] = [
  ['UID', user],
  ['PID', ({ pid }) => String(pid)],
  ['PPID', ({ parent }) => String(parent)],
  ['C', wholePercent],
  ['STIME', startTime],
  ['TTY', terminal],
  ['TIME', cpuTime],
  ['CMD', command],
];

/** `ps aux`. */
const userFormat: readonly Column[] = [
  ['USER', user],
  ['PID', ({ pid }) => String(pid)],
  ['%CPU', percent],
  ['%MEM', share],
  ['VSZ', virtualKilobytes],
  ['RSS', residentKilobytes],
  ['TTY', terminal],
  ['STAT', stateFlags],
  ['START', startTime],
  ['TIME', shortCpuTime],
  ['COMMAND', command],
];

/** The columns that arguments of ps(1) ask for; undefined when only ps itself knows them. */
export function columnsFor(psArguments: string): readonly Column[] | undefined {
  if (psArguments === '-ef' || psArguments === '-efww') return fullFormat;
  if (psArguments === 'aux') return userFormat;
  const list = /^(?:(?:-e |-A )?-o|-eo|-Ao) ?([a-z%]+(?:,[a-z%]+)*)$/.exec(psArguments)?.[1];
  const found = list?.split(',').map((name) => (Object.hasOwn(columns, name) ? columns[name] : undefined));
  return found?.every((column) => column !== undefined) === true ? found : undefined;
}

const readUsers = (): Map<number, string> => {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  return new Map(lines.map((line) => line.split(':')).map(([name = '', , uid]) => [Number(uid), name]));
};

/** Now, on this host. */
export function thisMoment(uptimeSeconds: number): Moment {
  const users = lazy(readUsers);
  return { uptimeSeconds, now: new Date(), userName: (uid) => users().get(uid) };
}
