import { humanDuration } from '#std/duration';

const pad = (value: number, digits = 2): string => String(value).padStart(digits, '0');

function offset(date: Date, separator: string): string {
  const minutes = -date.getTimezoneOffset();
  const absolute = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${pad(Math.trunc(absolute / 60))}${separator}${pad(absolute % 60)}`;
}

function dayAndTime(date: Date, between: string): string {
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  return `${day}${between}${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

/** A time in the local zone as Go prints it: `2026-11-24 11:27:50 +0000 UTC`. */
export function printLocalTime(unixMs: number): string {
  const date = new Date(unixMs);
  const zone = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' })
    .formatToParts(date)
    .find(({ type }) => type === 'timeZoneName')?.value;
  return `${dayAndTime(date, ' ')} ${offset(date, '')} ${zone ?? 'UTC'}`;
}

/** A time in the local zone, RFC 3339; with nanoseconds when they are given. */
export function printTimestamp(unixMs: number, nanoseconds?: bigint): string {
  const date = new Date(unixMs);
  const fraction = nanoseconds === undefined ? '' : `.${nanoseconds.toString().padStart(9, '0')}`;
  const zone = date.getTimezoneOffset() === 0 ? 'Z' : offset(date, ':');
  return `${dayAndTime(date, 'T')}${fraction}${zone}`;
}

/** How long ago a time was: `2 minutes ago`. */
export function printAgo(unixMs: number): string {
  return `${humanDuration(Math.max(0, Date.now() - unixMs))} ago`;
}

const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/**
 * A time as Unix tools print it, in UTC: `Tue Sep 15 11:02:57 2026`; a text that is no time stays as it is. The local zone
 * is asked for nowhere on the way, for that loads its tables, which takes 13 ms.
 */
export function printCalendarTime(text: string): string {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return text;
  const day = String(date.getUTCDate()).padStart(2);
  const time = date.toISOString().slice(11, 19);
  return `${weekdays[date.getUTCDay()]} ${months[date.getUTCMonth()]} ${day} ${time} ${date.getUTCFullYear()}`;
}

/** An RFC 3339 time in UTC as Go prints a time: `2026-11-24 11:27:50.9048 +0000 UTC`; a text that is none stays. */
export function printGoTime(text: string): string {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?Z$/.exec(text);
  if (!match) return text;
  const fraction = (match[3] ?? '').replace(/\.?0+$/, '');
  return `${match[1]} ${match[2]}${fraction} +0000 UTC`;
}
