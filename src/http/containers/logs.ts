import type { Containers, LogOptions } from '#containers';
import { fail } from '#std/errors';
import type { Call, Endpoint } from '../exchange.ts';
import { stream } from '../exchange.ts';
import { streamType } from '../stream-type.ts';

/** Lines asked for; what is no number (`all` too) or negative asks for all. */
function tailOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\+?\d+$/.test(text) ? Number(text) : undefined;
}

function logOptions({ query, signal }: Call): LogOptions {
  const [stdout, stderr] = [query.flag('stdout'), query.flag('stderr')];
  if (!stdout && !stderr) throw fail('invalid-argument', 'Bad parameters: you must choose at least one stream');
  const sinceNs = query.timeNs('since');
  const untilNs = query.timeNs('until');
  const tail = tailOf(query.text('tail'));
  return {
    stdout,
    stderr,
    follow: query.flag('follow'),
    timestamps: query.flag('timestamps'),
    details: query.flag('details'),
    signal,
    ...(sinceNs === undefined ? {} : { sinceNs }),
    // 0 is how clients spell "no end".
    ...(untilNs === undefined || untilNs === 0n ? {} : { untilNs }),
    ...(tail === undefined ? {} : { tail }),
  };
}

/** `GET /containers/{name}/logs` */
export function containerLogs(containers: Pick<Containers, 'logs'>): Endpoint {
  return (call) => {
    const { terminal, output } = containers.logs(call.name, logOptions(call));
    return stream(streamType(terminal, call.version), output);
  };
}
