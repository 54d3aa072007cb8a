import { describe, expect, test } from 'bun:test';
import { parseFlags } from '../grammar/parse-flags.ts';
import { containerFlags } from './flags.ts';
import { createRequest } from './request.ts';

function request(...argv: string[]) {
  const { values, given, args } = parseFlags(containerFlags, argv, { interspersed: false });
  const [image = '', ...command] = args;
  return createRequest({ values, given, image, command });
}

describe('the request for a container', () => {
  test('has only what was asked for', () => {
    expect(request('busybox', 'true')).toEqual({
      AttachStdin: false,
      AttachStdout: true,
      AttachStderr: true,
      Tty: false,
      OpenStdin: false,
      StdinOnce: false,
      Cmd: ['true'],
      Image: 'busybox',
      HostConfig: { NetworkMode: 'default' },
    });
  });

  test('has all of it', () => {
    const body = request(
      ...['-it', '--rm', '--cpus', '1.5', '-m', '512m', '--memory-swap', '-1', '--pids-limit', '10'],
      ...['--health-cmd', 'x y', '--health-interval', '3s', '--entrypoint', '', '-v', '/a:/b', '-v', '/c'],
      ...['--tmpfs', '/t:size=1m', '--ulimit', 'nofile=3', '--add-host', 'h=1.2.3.4', '--init', 'busybox'],
    );
    expect(body).toMatchObject({
      AttachStdin: true,
      OpenStdin: true,
      StdinOnce: true,
      Tty: true,
      Entrypoint: [''],
      Healthcheck: { Test: ['CMD-SHELL', 'x y'], Interval: 3e9 },
      Volumes: { '/c': {} },
      HostConfig: {
        AutoRemove: true,
        NanoCpus: 1.5e9,
        Memory: 536_870_912,
        MemorySwap: -1,
        PidsLimit: 10,
        Binds: ['/a:/b'],
        Tmpfs: { '/t': 'size=1m' },
        Ulimits: [{ Name: 'nofile', Soft: 3, Hard: 3 }],
        ExtraHosts: ['h:1.2.3.4'],
        Init: true,
      },
    });
    expect(body).not.toHaveProperty('Cmd');
  });

  test('asks the first network for what the flags say', () => {
    const body = request(
      '--network',
      'n',
      '--network',
      'name=m,ip=10.0.0.3',
      '--network-alias',
      'a',
      '--ip',
      '10.0.0.2',
      'busybox',
    );
    expect(body.HostConfig?.NetworkMode).toBe('n');
    expect(body.NetworkingConfig).toEqual({
      EndpointsConfig: {
        n: { Aliases: ['a'], IPAMConfig: { IPv4Address: '10.0.0.2' } },
        m: { IPAMConfig: { IPv4Address: '10.0.0.3' } },
      },
    });
  });

  test('attaches the streams that are named', () => {
    expect(request('-a', 'stderr', 'busybox')).toMatchObject({
      AttachStdin: false,
      AttachStdout: false,
      AttachStderr: true,
    });
    expect(request('-i', '-a', 'stdout', 'busybox')).toMatchObject({
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: false,
    });
  });

  test.each([
    [['--rm', '--restart', 'always'], 'conflicting options: cannot specify both --restart and --rm'],
    [['--no-healthcheck', '--health-cmd', 'x'], '--no-healthcheck conflicts with --health-* options'],
    [['--health-retries', '-1'], '--health-retries cannot be negative'],
    [
      ['--network', 'host', '--network-alias', 'a'],
      'network-scoped aliases are only supported for user-defined networks',
    ],
    [['--network', 'a', '--network', 'a'], 'network "a" is specified multiple times'],
    [['--memory-swappiness', '200'], 'invalid value: 200. Valid memory swappiness range is 0-100'],
  ])('%p is refused', (flags, message) => {
    expect(() => request(...flags, 'busybox')).toThrow(message);
  });
});
