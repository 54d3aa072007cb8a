import type { LocalRecord } from '../../local-log.ts';
import type { SyslogTarget } from '../../protocol.ts';
import type { Encode } from './forwarder.ts';

const severityError = 3;
const severityInformational = 6;
const newline = 0x0a;
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function pad(number: number, width = 2, filler = '0'): string {
  return String(number).padStart(width, filler);
}

/** `Jan  2 15:04:05`, in local time (RFC 3164, section 4.1.2). */
function stampTime(date: Date): string {
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => pad(part)).join(':');
  return `${months[date.getMonth()] ?? ''} ${pad(date.getDate(), 2, ' ')} ${clock}`;
}

/** RFC 3339 in local time, to the second or the microsecond (RFC 5424, section 6.2.3). */
function zonedTime(timeNs: bigint, isPrecise: boolean): string {
  const date = new Date(Number(timeNs / 1_000_000n));
  const offset = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, 19);
  const fraction = isPrecise ? `.${pad(Number((timeNs / 1000n) % 1_000_000n), 6)}` : '';
  const zone =
    offset === 0
      ? 'Z'
      : `${offset < 0 ? '-' : '+'}${pad(Math.floor(Math.abs(offset) / 60))}:${pad(Math.abs(offset) % 60)}`;
  return `${local}${fraction}${zone}`;
}

/** What stands before the text of a message, in the forms that Docker sends. */
function header({ format, hostname, tag, pid }: SyslogTarget, priority: number, timeNs: bigint): string {
  switch (format) {
    case 'rfc5424':
    case 'rfc5424micro': {
      const time = zonedTime(timeNs, format === 'rfc5424micro');
      return `<${priority}>1 ${time} ${hostname} ${tag} ${pid} ${tag} - `;
    }
    case 'rfc3164':
      return `<${priority}>${stampTime(new Date(Number(timeNs / 1_000_000n)))} ${hostname} ${tag}[${pid}]: `;
    default:
      return `<${priority}>${stampTime(new Date(Number(timeNs / 1_000_000n)))} ${tag}[${pid}]: `;
  }
}

/** Makes what words records for a syslog server; each message ends with one newline, and has no other. */
export function syslogMessages(target: SyslogTarget): Encode {
  // RFC 5425 counts the bytes of a message where it travels over TLS.
  const counted = target.transport === 'tcp+tls' && target.format.startsWith('rfc5424');
  return ({ isError, timeNs, textStart, textEnd }: LocalRecord, bytes: Buffer) => {
    const priority = target.facility + (isError ? severityError : severityInformational);
    const hasNewline = textEnd > textStart && bytes[textEnd - 1] === newline;
    const head = Buffer.from(header(target, priority, timeNs));
    const text = bytes.subarray(textStart, hasNewline ? textEnd - 1 : textEnd);
    const message = Buffer.concat([head, text, Buffer.from('\n')]);
    return counted ? Buffer.concat([Buffer.from(`${message.length} `), message]) : message;
  };
}
