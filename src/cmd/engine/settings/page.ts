import { refusedSettings } from './refused.ts';
import { type Setting, settingGroups } from './table.ts';

function row({ key, flag, short, kind, missing, reloads, meaning }: Setting): string {
  const flags = flag === undefined ? '' : `\`--${flag}\`${short === undefined ? '' : `, \`-${short}\``}`;
  const cells = [key === undefined ? '' : `\`${key}\``, flags, kind, missing ?? '', reloads ? 'yes' : '', meaning];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** The page `docs/engine-settings.md`, made from the tables that the engine itself reads. */
export function settingsPage(): string {
  const groups = settingGroups.map(
    ([title, settings]) => `## ${title}

| daemon.json | flag | kind | without it | SIGHUP | meaning |
|---|---|---|---|---|---|
${settings.map(row).join('\n')}
`,
  );
  const refused = Object.entries(refusedSettings).map(([key, reason]) => `| \`${key}\` | ${reason} |`);
  return `# Settings of the engine

\`estiba engine\` takes settings from flags and from a \`daemon.json\` with Docker's keys. What both give is refused, and so is
what neither knows: nothing is ignored. \`--validate\` tells without starting. SIGHUP has the file read again: the settings
marked so take their new value, a \`daemon reload\` event tells of it, and a file that is wrong changes nothing.

Kinds: text, boolean, number; size (\`64m\`); list (a flag given several times); lists
(\`{"ghcr.io": ["https://…"]}\`); options (\`{"key": "value"}\`, a flag \`KEY=VALUE\`);
switches (\`{"name": true}\`); ulimits (\`{"nofile": {"Name": "nofile", "Soft": 1024, "Hard": 2048}}\`); runtimes
(\`{"name": {"path": "/usr/bin/runc", "runtimeArgs": []}}\`); address-pools (\`[{"base": "10.10.0.0/16", "size": 24}]\`);
driver-options (\`{"bridge": {"com.docker.network.driver.mtu": "1400"}}\`); proxies (\`{"http-proxy": "http://…"}\`);
image-gc (\`{"high": "85%", "low": "70%", "keep-last": 2, "pinned": ["debian:*"], "min-age": "1h"}\`: see [image-care.md](image-care.md)).

${groups.join('\n')}
## Refused by name

Docker's settings that do not apply here:

| daemon.json | why |
|---|---|
${refused.join('\n')}
`;
}

if (import.meta.main) process.stdout.write(settingsPage());
