import { fail } from '#std/errors';
import type { FlagValues } from '../grammar/flag.ts';
import { toRecord } from '../values/key-values.ts';
import type { buildFlags } from './flags.ts';

type Flags = FlagValues<typeof buildFlags>;

/** Arguments of the Dockerfile; SOURCE_DATE_EPOCH passes by itself when it is set here, as with BuildKit's clients. */
function argumentsOf(flags: Flags): Record<string, string> {
  const found: Record<string, string> = {};
  const epoch = process.env.SOURCE_DATE_EPOCH;
  if (epoch !== undefined && epoch !== '') found['build-arg:SOURCE_DATE_EPOCH'] = epoch;
  for (const text of flags['build-arg']) {
    const equals = text.indexOf('=');
    const name = equals < 0 ? text : text.slice(0, equals);
    if (name === '') throw fail('invalid-argument', `invalid build argument: ${text}`);
    const value = equals < 0 ? process.env[name] : text.slice(equals + 1);
    if (value !== undefined) found[`build-arg:${name}`] = value;
  }
  return found;
}

/** `name=soft:hard`, between commas. */
function ulimitsOf({ ulimit }: Flags): string {
  return ulimit.map(({ Name, Soft, Hard }) => `${Name}=${Soft}:${Hard}`).join(',');
}

/** The subrequest of `--check`. */
export const checkRequest = 'frontend.lint';

const requests: Readonly<Record<string, string>> = {
  check: checkRequest,
  outline: 'frontend.outline',
  targets: 'frontend.targets',
};

/** The subrequest that stands in the place of a build; undefined for a build. */
export function requestOf(flags: Pick<Flags, 'call' | 'check'>): string | undefined {
  const [call = 'build'] = flags.call.split(',');
  return flags.check ? checkRequest : requests[call];
}

/** What the frontend is told of a build, by BuildKit's names. */
export function frontendAttributes(flags: Flags): Record<string, string> {
  const request = requestOf(flags);
  const stages = flags['no-cache'] ? '' : flags['no-cache-filter'].join(',');
  if (flags['no-cache'] && flags['no-cache-filter'].length > 0) {
    throw fail('invalid-argument', '--no-cache and --no-cache-filter cannot currently be used together');
  }
  const labels = Object.entries(toRecord(flags.label)).map(([name, value]) => [`label:${name}`, value]);
  const hosts = flags['add-host'].map((text) => text.replace(':', '='));
  return {
    ...(flags.target !== '' && { target: flags.target }),
    ...argumentsOf(flags),
    ...Object.fromEntries(labels),
    ...((flags['no-cache'] || stages !== '') && { 'no-cache': stages }),
    ...(flags.pull && { 'image-resolve-mode': 'pull' }),
    ...(flags.platform.length > 0 && { platform: flags.platform.join(',') }),
    ...(hosts.length > 0 && { 'add-hosts': hosts.join(',') }),
    ...(flags['shm-size'] > 0 && { 'shm-size': String(flags['shm-size']) }),
    ...(flags.ulimit.length > 0 && { ulimit: ulimitsOf(flags) }),
    ...(flags['cgroup-parent'] !== '' && { 'cgroup-parent': flags['cgroup-parent'] }),
    ...(flags.network !== 'default' && { 'force-network-mode': flags.network }),
    ...(flags.explain && { 'estiba.explain': 'true' }),
    ...(request !== undefined && { requestid: request, 'frontend.caps': 'moby.buildkit.frontend.subrequests' }),
  };
}
