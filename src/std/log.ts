import { writeSync } from 'node:fs';
import { formatTime, nowNs } from './time.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Record<string, string | number | boolean | undefined>;

const rank: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };
let threshold: LogLevel = 'info';
let format: 'text' | 'json' = 'text';

/** Sets what is written from now on, for the whole process. */
export function configureLog(options: { level?: LogLevel; format?: 'text' | 'json' }): void {
  threshold = options.level ?? threshold;
  format = options.format ?? format;
}

function quote(value: string | number | boolean): string {
  const text = String(value);
  return /^[\w./:@+-]+$/.test(text) ? text : JSON.stringify(text);
}

/** Writes one structured line to standard error: `time=… level=… msg=… key=value`, or the same as one JSON object. */
export function log(level: LogLevel, message: string, fields: LogFields = {}): void {
  if (rank[level] < rank[threshold]) return;
  const time = formatTime(nowNs());
  const line =
    format === 'json'
      ? JSON.stringify({ time, level, msg: message, ...fields })
      : [
          `time=${time} level=${level} msg=${quote(message)}`,
          ...Object.entries(fields).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${quote(value)}`])),
        ].join(' ');
  try {
    writeSync(2, `${line}\n`);
  } catch {
    // Standard error is gone (its reader died, or its disk is full): a log line is not worth the engine's life.
  }
}
