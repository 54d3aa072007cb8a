import { printAge } from '../values/durations.ts';

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
  return `${printAge(Math.max(0, Date.now() - unixMs))} ago`;
}

/** A time as Unix tools print it: `Tue Sep 15 11:02:57 2026`; a text that is no time stays as it is. */
export function printCalendarTime(text: string): string {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return text;
  const [weekday = '', month = ''] = date.toString().split(' ');
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  return `${weekday} ${month} ${String(date.getDate()).padStart(2)} ${time} ${date.getFullYear()}`;
}
