import type { PortBinding } from '#api';
import { inspectContainer } from '#client';
import { CommandFailure } from '../../failure.ts';
import { defineCommand } from '../../grammar/command.ts';
import { hostAddress } from '../../print/port-ranges.ts';
import { writeOut } from '../../streams/text-output.ts';

const bindingText = ({ HostIp, HostPort }: PortBinding): string => `${hostAddress(HostIp)}:${HostPort}`;

/** `container port`. */
export const port = defineCommand({
  usage: 'CONTAINER [PRIVATE_PORT[/PROTO]]',
  flags: {},
  args: { min: 1, max: 2 },
  operands: ['container', 'none'],
  async run({ args, engine }) {
    const [container = '', wanted] = args;
    const { Ports } = (await inspectContainer(engine, container)).NetworkSettings;
    if (wanted !== undefined) {
      const [number = ''] = wanted.split('/');
      if (!/^\d+$/.test(number)) {
        throw new CommandFailure(
          `Error: invalid port (${number}): strconv.ParseUint: parsing "${number}": invalid syntax`,
        );
      }
      const bindings = Ports[wanted.includes('/') ? wanted : `${wanted}/tcp`];
      if (!bindings) throw new CommandFailure(`Error: No public port '${wanted}' published for ${container}`);
      writeOut(bindings.map((binding) => `${bindingText(binding)}\n`).join(''));
      return 0;
    }
    const lines = Object.entries(Ports ?? {})
      .sort(([a], [b]) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
      .flatMap(([name, bindings]) => (bindings ?? []).map((binding) => `${name} -> ${bindingText(binding)}\n`));
    writeOut(lines.join(''));
    return 0;
  },
});
