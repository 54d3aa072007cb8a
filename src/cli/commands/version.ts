import type { Version } from '#api';
import { engineVersion } from '#client';
import { CommandFailure, failureText } from '../failure.ts';
import { defineCommand } from '../grammar/command.ts';
import { inspectFormat } from '../grammar/format-flag.ts';
import { printStruct } from '../print/inspection.ts';
import { printCalendarTime } from '../print/times.ts';
import { writeOut } from '../streams/text-output.ts';

/** Version of the API that this CLI speaks at most, and of the docker CLI whose grammar it has. */
const apiVersion = '1.51';

/** The version of the docker CLI that this one is, when it is called so. */
export const dockerVersion = '28.5.2';

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
  const details = server.Components?.find(({ Name }) => Name === 'Engine')?.Details;
  const engine = block(
    [
      ['Version', server.Version],
      ['API version', `${server.ApiVersion} (minimum version ${server.MinAPIVersion})`],
      ['Go version', server.GoVersion],
      ['Git commit', server.GitCommit],
      ['Built', printCalendarTime(server.BuildTime)],
      ['OS/Arch', `${server.Os}/${server.Arch}`],
      ['Experimental', details?.Experimental],
    ],
    '  ',
    18,
  );
  const others = (server.Components ?? [])
    .filter(({ Name }) => Name !== 'Engine')
    .map(({ Name, Version, Details }) => {
      const commit = Details?.GitCommit;
      const line = commit === undefined ? '' : `  ${'GitCommit:'.padEnd(18)}${commit}\n`;
      return ` ${Name}:\n${block([['Version', Version]], '  ', 18)}${line}`;
    });
  const platform = server.Platform?.Name ? `: ${server.Platform.Name}` : ':';
  return `\nServer${platform}\n Engine:\n${engine}${others.join('')}`;
}

/** The time of building of the engine itself is shown as a calendar has it, also in JSON. */
function withCalendarTimes(server: Version): Version {
  const Components = (server.Components ?? []).map((component) => {
    const { BuildTime } = component.Details ?? {};
    if (BuildTime === undefined) return component;
    return { ...component, Details: { ...component.Details, BuildTime: printCalendarTime(BuildTime) } };
  });
  return { ...server, Components };
}

async function printVersions(client: Client, server: Version | undefined, format: string): Promise<string> {
  // Go's names of the fields, which are not those of the JSON.
  const named = { ...client, APIVersion: client.ApiVersion, DefaultAPIVersion: client.ApiVersion };
  const engineNamed = server && { ...server, APIVersion: server.ApiVersion };
  const versions = { Client: named, Server: engineNamed ?? null };
  try {
    return await printStruct(versions, format, { type: 'system.versionInfo', name: 'version' });
  } catch (error) {
    if (!(error instanceof CommandFailure)) writeOut('\n');
    throw error;
  }
}

/** `version`. */
export const version = defineCommand({
  usage: '[OPTIONS]',
  flags: { format: inspectFormat() },
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
      server = withCalendarTimes(await engineVersion(engine));
    } catch (error) {
      failure = failureText(error, program);
    }
    if (flags.format === 'json') writeOut(`${JSON.stringify({ Client: client, Server: server ?? null })}\n`);
    else if (flags.format === '') writeOut(clientText(client) + (server ? serverText(server) : ''));
    else writeOut(await printVersions(client, server, flags.format));
    if (failure !== '') throw new CommandFailure(failure);
    return 0;
  },
});
