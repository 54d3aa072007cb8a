import type { Version } from '#api';
import { engineVersion } from '#client';
import { CommandFailure, failureText } from '../failure.ts';
import { defineCommand } from '../grammar/command.ts';
import { text } from '../grammar/flag.ts';
import { printInspection } from '../print/inspection.ts';
import { printCalendarTime } from '../print/times.ts';
import { writeOut } from '../streams/text-output.ts';

/** Version of the API that this CLI speaks at most, and of the docker CLI whose grammar it has. */
const apiVersion = '1.51';
const dockerVersion = '28.5.2';

/** The line of `--version`. */
export function versionLine(program: 'estiba' | 'docker', ownVersion: string): string {
  return program === 'docker'
    ? `Docker version ${dockerVersion}, build estiba-${ownVersion}`
    : `Estiba version ${ownVersion}`;
}

interface Client {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly Os: string;
  readonly Arch: string;
  readonly Context: string;
}

function block(rows: readonly (readonly [string, string | undefined])[], indent: string, width: number): string {
  return rows
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${indent}${`${name}:`.padEnd(width)}${value}\n`)
    .join('');
}

function clientText(client: Client): string {
  const rows = [
    ['Version', client.Version],
    ['API version', client.ApiVersion],
    ['OS/Arch', `${client.Os}/${client.Arch}`],
    ['Context', client.Context],
  ] as const;
  return `Client:\n${block(rows, ' ', 19)}`;
}

function serverText(server: Version): string {
  const engine = block(
    [
      ['Version', server.Version],
      ['API version', `${server.ApiVersion} (minimum version ${server.MinAPIVersion})`],
      ['Git commit', server.GitCommit],
      ['Built', printCalendarTime(server.BuildTime)],
      ['OS/Arch', `${server.Os}/${server.Arch}`],
    ],
    '  ',
    18,
  );
  const others = (server.Components ?? [])
    .filter(({ Name }) => Name !== 'Engine')
    .map(({ Name, Version, Details }) => {
      const commit = Details?.GitCommit;
      const rows = [['Version', Version] as const, ...(commit === undefined ? [] : [['GitCommit', commit] as const])];
      return ` ${Name}:\n${block(rows, '  ', 18)}`;
    });
  const platform = server.Platform?.Name ? `: ${server.Platform.Name}` : ':';
  return `\nServer${platform}\n Engine:\n${engine}${others.join('')}`;
}

/** `version`. */
export const version = defineCommand({
  usage: '[OPTIONS]',
  flags: { format: text('json, or a template', { short: 'f' }) },
  args: { min: 0, max: 0 },
  async run({ flags, engine, contextName, program, version: ownVersion }) {
    const client: Client = {
      Version: program === 'docker' ? dockerVersion : ownVersion,
      ApiVersion: engine.options.version ?? apiVersion,
      Os: process.platform,
      Arch: process.arch === 'x64' ? 'amd64' : process.arch,
      Context: contextName,
    };
    let server: Version | undefined;
    let failure = '';
    try {
      server = await engineVersion(engine);
    } catch (error) {
      failure = failureText(error, program);
    }
    if (flags.format === 'json') writeOut(`${JSON.stringify({ Client: client, Server: server ?? null })}\n`);
    else if (flags.format !== '') {
      // Go's names of the fields, which are not those of the JSON.
      const named = { ...client, APIVersion: client.ApiVersion };
      const engineNamed = server && { ...server, APIVersion: server.ApiVersion, MinAPIVersion: server.MinAPIVersion };
      writeOut(await printInspection([{ Client: named, Server: engineNamed ?? null }], flags.format));
    } else writeOut(clientText(client) + (server ? serverText(server) : ''));
    if (failure !== '') throw new CommandFailure(failure);
    return 0;
  },
});
