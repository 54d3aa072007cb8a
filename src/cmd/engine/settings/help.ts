import { stopFlags } from '../stop-flags.ts';
import { type Setting, settingGroups } from './table.ts';

const width = 32;

function line({ flag, short, kind, value, missing, meaning }: Setting): string {
  const name = `  ${short === undefined ? '   ' : `-${short},`} --${flag}${kind === 'boolean' ? '' : ` ${value ?? 'VALUE'}`}`;
  const text = `${meaning}${missing === undefined ? '' : ` (default ${missing})`}`;
  return name.length < width ? `${name.padEnd(width)}${text}` : `${name}\n${' '.repeat(width)}${text}`;
}

/** What `estiba engine --help` prints. */
export function engineHelp(): string {
  const groups = settingGroups.map(([title, settings]) => {
    const lines = settings.filter(({ flag }) => flag !== undefined).map(line);
    return `${title}:\n${lines.join('\n')}`;
  });
  const stop = Object.entries(stopFlags).map(([flag, { type, summary, ...more }]) =>
    line({ flag, kind: type === 'boolean' ? 'boolean' : 'text', meaning: summary, ...more }),
  );
  return `Usage:  estiba engine [OPTIONS]
        estiba engine stop [--all] [--host HOST] [--tlsverify --tlscacert FILE --tlscert FILE --tlskey FILE]

Run the engine, or stop the one that runs

${groups.join('\n\n')}

Lists and KEY=VALUE options may be given several times. SIGHUP has the engine read its daemon.json again.

Stop:
${stop.join('\n')}
`;
}
