import { type Setting, settingGroups } from './table.ts';

function row({ name, kind, only, missing, reloads, meaning }: Setting): string {
  const names = [only === 'flag' ? '' : `\`${name}\``, only === 'file' ? '' : `\`--${name}\``];
  const cells = [...names, kind, missing ?? '', reloads ? 'yes' : '', meaning];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** The page `docs/registry-settings.md`, made from the table that the registry itself reads. */
export function settingsPage(): string {
  const groups = settingGroups.map(
    ([title, settings]) => `## ${title}

| file | flag | kind | without it | SIGHUP | meaning |
|---|---|---|---|---|---|
${settings.map(row).join('\n')}
`,
  );
  return `# Settings of the registry

\`estiba registry serve\` takes settings from flags and, with \`--config FILE\`, from a YAML file with the same names. What both
give is refused, and so is a key that is not here. SIGHUP has the file, and the files that it or the flags name, read again: the
settings marked so take their new value, requests and connections go on, and settings that are wrong change nothing.

Kinds: text; file (its path); duration (\`24h\`, \`30m\`); switch (\`true\`); list (a flag given several times); rules (a path, or the
rules themselves: [registry.md](registry.md#who-may-do-what)); groups (\`{team: [alice, bob]}\`); credentials (a path, or
\`{hub: {username: …, password: …}}\`); retention (a flag given several times; in the file also
\`{repositories: team/*, keep-last: 10}\`).

${groups.join('\n')}`;
}

if (import.meta.main) process.stdout.write(settingsPage());
