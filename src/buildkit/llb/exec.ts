import type { llb } from '#build-api';
import type { ExecMount, ExecOperation, SecretRequest } from '#builder';
import { fail } from '#std/errors';
import { missing } from './fields.ts';

/** `pb.MountType`, by number. */
export const mountTypes = ['bind', 'secret', 'ssh', 'cache', 'tmpfs'] as const;
/** `pb.CacheSharingOpt`, by number. */
export const sharings = ['shared', 'private', 'locked'] as const;
/** `pb.NetMode`, by number. */
export const networks = ['sandbox', 'host', 'none'] as const;
/** `pb.SecurityMode`, by number. */
export const securities = ['sandbox', 'insecure'] as const;

function chosen<T>(list: readonly T[], index: number, what: string): T {
  const found = list[index];
  if (found === undefined) throw fail('invalid-argument', `unknown ${what} ${index}`);
  return found;
}

/** The network that `pb.NetMode` names. */
export function networkOf(mode: number): ExecOperation['network'] {
  return chosen(networks, mode, 'network mode');
}

/** What `pb.SecurityMode` names. */
export function securityOf(mode: number): ExecOperation['security'] {
  return chosen(securities, mode, 'security mode');
}

function secretOf({ id, uid, gid, mode, optional }: llb.SecretOpt): SecretRequest {
  return { id, uid, gid, mode, isOptional: optional };
}

/** A mount of LLB; `inputs` is how many there are to choose from. */
export function mountOf(mount: llb.Mount, inputs: number): ExecMount {
  const type = chosen(mountTypes, mount.mountType, 'mount type');
  const input = mount.input;
  if (input < -1 || input >= inputs) throw fail('invalid-argument', `mount ${mount.dest} has no input ${input}`);
  if (mount.dest === '') throw fail('invalid-argument', 'mount without a destination');
  return {
    type,
    target: mount.dest,
    input,
    selector: mount.selector,
    isReadOnly: mount.readonly,
    output: mount.output,
    ...(type === 'cache' && {
      cache: {
        id: mount.cacheOpt?.id || mount.dest,
        sharing: chosen(sharings, mount.cacheOpt?.sharing ?? 0, 'cache sharing mode'),
      },
    }),
    ...(type === 'tmpfs' && { tmpfsSizeBytes: mount.tmpfsOpt?.size ?? 0 }),
    ...(type === 'secret' && { secret: secretOf(mount.secretOpt ?? missing('secret options of a mount')) }),
    ...(type === 'ssh' && { ssh: secretOf(mount.sshOpt ?? missing('ssh options of a mount')) }),
  };
}

/** A proxy is told in both spellings, and is no part of what a step is. */
function proxyVariables(proxy: llb.ProxyEnv | undefined): string[] {
  if (proxy === undefined) return [];
  const named = {
    HTTP_PROXY: proxy.httpProxy,
    HTTPS_PROXY: proxy.httpsProxy,
    FTP_PROXY: proxy.ftpProxy,
    NO_PROXY: proxy.noProxy,
    ALL_PROXY: proxy.allProxy,
  };
  return Object.entries(named).flatMap(([name, value]) =>
    value === '' ? [] : [`${name}=${value}`, `${name.toLowerCase()}=${value}`],
  );
}

/** An exec of LLB as an operation; `inputs` is how many inputs its vertex has. */
export function execOperation(op: llb.ExecOp, inputs: number): ExecOperation {
  const meta = op.meta ?? missing('meta of an exec');
  if (meta.args.length === 0) throw fail('invalid-argument', 'exec without arguments');
  if (op.cdiDevices.length > 0) throw fail('not-implemented', 'devices are not supported by this engine');
  const mounts = op.mounts.map((mount) => mountOf(mount, inputs));
  if (!mounts.some(({ target }) => target === '/')) throw fail('invalid-argument', 'exec without a root file system');
  return {
    type: 'exec',
    words: meta.args,
    environment: meta.env,
    directory: meta.cwd === '' ? '/' : meta.cwd,
    user: meta.user,
    hostname: meta.hostname,
    network: networkOf(op.network),
    security: securityOf(op.security),
    mounts,
    secretEnvironment: op.secretenv.map(({ id, name, optional }) => ({ id, name, isOptional: optional })),
    ulimits: meta.ulimit,
    extraHosts: meta.extraHosts.map(({ host, ip }) => ({ host, address: ip })),
    cgroupParent: meta.cgroupParent,
    shmSizeBytes: 0,
    resources: {},
    uncountedEnvironment: proxyVariables(meta.proxyEnv),
    validExitCodes: meta.validExitCodes,
  };
}
