import type { NetworkTrace, NetworkTraceStep } from '#api';
import { traceNetworks } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { text, toggle } from '../../grammar/flag.ts';
import { writeOut } from '../../streams/text-output.ts';
import { checkFormat } from '../../values/text-or-json.ts';

function stepLine({ Where, Rule, Outcome, Reason }: NetworkTraceStep): string {
  const rule = Rule === '' ? '' : `: ${Rule}`;
  return Outcome === 'no match'
    ? `    ${Where}${rule}\n`
    : `  ${Outcome.padEnd(10)} ${Where}${rule}\n             ${Reason}\n`;
}

function traceText({ Address, Port, Protocol, Passes, ArrivesAt, Steps }: NetworkTrace, source: string): string {
  const place = Address.includes(':') ? `[${Address}]` : Address;
  const target = Port === 0 ? place : `${place}:${Port}/${Protocol}`;
  const end = ArrivesAt === '' ? 'passes' : `arrives at ${ArrivesAt === 'host' ? 'the host itself' : ArrivesAt}`;
  return [`${source} -> ${target}\n`, ...Steps.map(stepLine), Passes ? `It ${end}.\n` : 'It does not arrive.\n'].join(
    '',
  );
}

/** `network trace`: exit code 1 where the packet does not arrive. */
export const networkTrace = defineCommand({
  usage: '[OPTIONS] SOURCE TARGET[:PORT[/PROTOCOL]]',
  description:
    'Tells, rule by rule, whether and why the first packet of a connection passes. SOURCE is a running container, "host", or\n"outside" for a neighbour of the host ("outside:eth1" at that interface). TARGET is a running container, "host", or an\naddress; without a port it is pinged. Nothing is sent.',
  examples: [
    ['network trace web db:5432', 'Whether web reaches the database'],
    ['network trace outside 192.0.2.7:8080', 'Whether a published port is reached from outside'],
  ],
  flags: {
    format: text('text or json', { initial: 'text', completes: ['text', 'json'] }),
    ipv6: toggle('Ask a container by its IPv6 address', { short: '6' }),
  },
  args: { min: 2, max: 2 },
  operands: ['container', 'container'],
  async run({ flags, args: [source = '', target = ''], engine }) {
    checkFormat(flags.format);
    const trace = await traceNetworks(engine, source, target, { ipv6: flags.ipv6 });
    writeOut(flags.format === 'json' ? `${JSON.stringify(trace)}\n` : traceText(trace, source));
    return trace.Passes ? 0 : 1;
  },
});
