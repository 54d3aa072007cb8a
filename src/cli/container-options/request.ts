import type { ContainerCreateRequest, HealthConfig } from '#api';
import { parsePlatform, parseReference } from '#oci';
import { fail, messageOf } from '#std/errors';
import type { FlagValues } from '../grammar/flag.ts';
import { readKeyValueFile, resolveEnvironment, toRecord } from '../values/key-values.ts';
import { parseVolumes } from '../values/mounts.ts';
import { parsePorts } from '../values/ports.ts';
import type { ContainerFlags } from './flags.ts';
import { type ContainerOptions, compact, someOf } from './given.ts';
import { hostConfig } from './host-config.ts';
import { networkingConfig } from './networking.ts';

function healthcheck(values: FlagValues<ContainerFlags>): HealthConfig | undefined {
  const parts = compact({
    Test: values['health-cmd'] === '' ? undefined : ['CMD-SHELL', values['health-cmd']],
    Interval: values['health-interval'] || undefined,
    Timeout: values['health-timeout'] || undefined,
    StartPeriod: values['health-start-period'] || undefined,
    StartInterval: values['health-start-interval'] || undefined,
    Retries: values['health-retries'] || undefined,
    OnFailure: values['health-on-failure'] || undefined,
  });
  const asked = Object.keys(parts).length > 0;
  if (values['no-healthcheck']) {
    if (asked) throw fail('invalid-argument', '--no-healthcheck conflicts with --health-* options');
    return { Test: ['NONE'] };
  }
  for (const [flag, value] of [
    ['--health-interval', values['health-interval']],
    ['--health-timeout', values['health-timeout']],
    ['--health-retries', values['health-retries'] ?? 0],
    ['--health-start-period', values['health-start-period']],
  ] as const) {
    if (value < 0) throw fail('invalid-argument', `${flag} cannot be negative`);
  }
  return asked ? (parts as HealthConfig) : undefined;
}

/** Which streams are attached: those named, else output and error, and input when it is kept open. */
export function attachedStreams(values: FlagValues<ContainerFlags>): Record<'stdin' | 'stdout' | 'stderr', boolean> {
  const named = values.attach;
  if (named.length === 0) return { stdin: values.interactive, stdout: true, stderr: true };
  const stdin = values.interactive || named.includes('stdin');
  return { stdin, stdout: named.includes('stdout'), stderr: named.includes('stderr') };
}

/** Whether the text can be a platform; nothing asks for none. */
export function checkPlatformOption(platform: string): void {
  if (platform === '') return;
  try {
    parsePlatform(platform);
  } catch (error) {
    throw fail('invalid-argument', `error parsing specified platform: ${messageOf(error)}`, error);
  }
}

/** An image's ID is no name, but may stand for one. */
export function checkImage(image: string): void {
  if (!/^(?:sha256:)?[0-9a-f]{64}$/.test(image)) parseReference(image);
}

/**
 * The body of `POST /containers/create` for the flags of `run` and `create`. Only what was asked for is in it.
 * @throws `invalid-argument`, in docker's words
 */
export function createRequest(options: ContainerOptions): ContainerCreateRequest {
  const { values, given, image, command } = options;
  const attached = attachedStreams(values);
  const volumes = parseVolumes(values.volume);
  const ports = parsePorts(values.publish, values.expose);
  const environment = [
    ...values['env-file'].flatMap((path) => readKeyValueFile(path, 'environment variable', (key) => process.env[key])),
    ...resolveEnvironment(values.env),
  ];
  const labels = [
    ...values['label-file'].flatMap((path) => readKeyValueFile(path, 'label', () => '')),
    ...values.label,
  ];
  const networking = networkingConfig(values);
  return compact({
    Hostname: values.hostname || undefined,
    Domainname: values.domainname || undefined,
    User: values.user || undefined,
    AttachStdin: attached.stdin,
    AttachStdout: attached.stdout,
    AttachStderr: attached.stderr,
    Tty: values.tty,
    OpenStdin: values.interactive,
    StdinOnce: values.interactive && attached.stdin,
    ExposedPorts: Object.keys(ports.exposed).length === 0 ? undefined : { ...ports.exposed },
    Env: someOf(environment),
    Cmd: someOf(command),
    Entrypoint: given.has('entrypoint') ? [values.entrypoint] : undefined,
    Image: image,
    Volumes:
      volumes.anonymous.length === 0 ? undefined : Object.fromEntries(volumes.anonymous.map((path) => [path, {}])),
    WorkingDir: values.workdir || undefined,
    Labels: labels.length === 0 ? undefined : toRecord(labels),
    StopSignal: values['stop-signal'] || undefined,
    StopTimeout: values['stop-timeout'],
    Healthcheck: healthcheck(values),
    HostConfig: hostConfig(options, {
      binds: volumes.binds,
      portBindings: ports.bindings,
      networkMode: networking.mode,
    }),
    NetworkingConfig: networking.config,
  });
}
