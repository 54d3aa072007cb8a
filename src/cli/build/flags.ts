import { fail } from '#std/errors';
import { type Flag, list, strings, text, toggle } from '../grammar/flag.ts';
import { checkExtraHost } from '../values/addresses.ts';
import { labelFlag } from '../values/key-values.ts';
import { ulimitFlag } from '../values/resources.ts';
import { bytes } from '../values/sizes.ts';

/** `--progress`, as far as it is known. */
const progressKinds = ['auto', 'none', 'plain', 'quiet', 'rawjson', 'tty'] as const;

export const calls = ['build', 'check', 'outline', 'targets'] as const;

/** A text that is one of a few. */
function choice(summary: string, name: string, values: readonly string[], initial: string): Flag<string> {
  return {
    ...text(summary, { initial, completes: values }),
    shownDefault: initial,
    parse(value) {
      const [kind = ''] = value.split(',');
      if (values.includes(kind)) return value;
      throw fail('invalid-argument', `--${name} is one of ${values.join(', ')}, not "${value}"`);
    },
  };
}

/** The flags of `build`: those of `docker buildx build`, and two of our own at the end. */
export const buildFlags = {
  'add-host': list('Add a line to /etc/hosts of RUN (name:ip, or name:host-gateway)', {}, checkExtraHost),
  allow: list('Permit what is dangerous (network.host, security.insecure)'),
  annotation: list('Put an annotation (key=value) into the manifest'),
  attest: list('Attestations: taken, and skipped with a warning'),
  'build-arg': list('Set an argument of the Dockerfile (NAME=value, or NAME to pass ours on)'),
  'build-context': list('A further context (name=path, or name=docker-image://reference)'),
  builder: text('Accepted for the sake of buildx; there is one builder', { hidden: true }),
  'cache-from': list('Look for results there too (reference, or type=TYPE,key=value)'),
  'cache-to': list('Keep results there too (type=inline, registry or local, with key=value)'),
  call: choice('Build, or say something of the Dockerfile', 'call', calls, 'build'),
  'cgroup-parent': text('The cgroup that RUN is below'),
  check: toggle('The same as --call=check'),
  'disable-content-trust': toggle('Do not verify base images', { initial: true, hidden: true }),
  file: text('Name of the Dockerfile', { short: 'f', shownDefault: 'PATH/Dockerfile', completes: 'file' }),
  iidfile: text("Write the image's ID to a file", { completes: 'file' }),
  label: labelFlag('Put a label into the image'),
  load: toggle('The same as --output=type=docker'),
  'metadata-file': text('Write what came of the build to a file, as JSON', { completes: 'file' }),
  network: text('Network of RUN: default, none, host, or one of the engine by name', {
    initial: 'default',
    shownDefault: 'default',
    completes: 'network',
  }),
  'no-cache': toggle('Do everything anew'),
  'no-cache-filter': strings('Do these stages anew'),
  output: list('Where to put what is built (type=TYPE,dest=PATH, or a directory)', { short: 'o' }),
  platform: strings('Platforms to build for (os/arch[/variant])'),
  progress: choice('Display of the progress', 'progress', progressKinds, 'auto'),
  provenance: text('Accepted, and skipped with a warning'),
  pull: toggle('Ask the registry for newer bases'),
  push: toggle('The same as --output=type=registry'),
  quiet: toggle("Print the image's ID alone", { short: 'q' }),
  rm: toggle('Accepted: no step leaves a container', { initial: true, hidden: true }),
  'force-rm': toggle('Accepted: no step leaves a container', { hidden: true }),
  sbom: text('Accepted, and skipped with a warning'),
  secret: list('A secret that RUN may mount (id=NAME[,src=PATH or ,env=VARIABLE])'),
  'shm-size': bytes('Size of /dev/shm of RUN'),
  ssh: list('Agents or keys that RUN may use (default, or ID=SOCKET or ID=KEY)'),
  tag: list('Name and tag of the image', { short: 't' }),
  target: text('The stage to build'),
  ulimit: ulimitFlag('Limits of the processes of RUN (name=soft[:hard])'),
  explain: toggle('Say of each step why it was done anew'),
} as const;
