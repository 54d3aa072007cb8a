import { describe, expect, test } from 'bun:test';
import { createRequest } from '../containers/create-schema.ts';
import { decodeAs } from './schema.ts';
import { jsonFault } from './syntax.ts';

describe('faults of JSON texts, as Go words them', () => {
  test.each([
    ['x', "invalid character 'x' looking for beginning of value"],
    ['{', 'unexpected EOF'],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ['{"a":"no', 'unexpected EOF'],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
    ['{"a":nul}', "invalid character '}' in literal null (expecting 'l')"],
    ['{"a":01}', "invalid character '1' after object key:value pair"],
    ['{"a":tRue}', "invalid character 'R' in literal true (expecting 'r')"],
    ['{"a":"a\nb"}', "invalid character '\\n' in string"],
    ['{"a":"\\q"}', 'invalid escape sequence `\\q` in string'],
    ['\n{"a":"a"]', "invalid character ']' after object key:value pair"],
    ['["a",', 'unexpected EOF'],
    ['[1 2]', "invalid character '2' after array element"],
    ['[1.x]', "invalid character 'x' after decimal point in numeric literal"],
    ['{} x', 'content after value'],
    [`{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`, 'exceeded max depth'],
  ])('%p', (text, fault) => {
    expect(jsonFault(text)).toBe(fault);
  });

  test.each(['{}', '[]', ' [1, -2.5e+3, true, null, "a\\u00e9\\n", {"a":{}, "b":[[]]}] ', '0'])(
    '%p has none',
    (text) => {
      expect(jsonFault(text)).toBeUndefined();
    },
  );
});

function refusal(body: unknown): string {
  try {
    decodeAs(body, createRequest, '');
    return 'accepted';
  } catch (error) {
    return error instanceof Error ? error.message.replace('invalid JSON: json: cannot unmarshal ', '') : '';
  }
}

describe('wrong types in the body of create, as Go words them', () => {
  test.each([
    [{ Image: 5 }, 'number into Go struct field .Image of type string'],
    [{ image: 5 }, 'number into Go struct field .image of type string'],
    [{ Env: 'x' }, 'string into Go struct field .Env of type []string'],
    [{ Env: ['x', 5] }, 'number into .Env.1 of type string'],
    [{ Cmd: 5 }, 'number into Go value of type string'],
    [{ Tty: 'x' }, 'string into Go struct field .Tty of type bool'],
    [{ Labels: { a: 5 } }, 'number into Go struct field .Labels.a of type string'],
    [{ ExposedPorts: [] }, 'array into Go struct field .ExposedPorts of type nat.PortSet'],
    [{ ExposedPorts: { '80/tcp': 5 } }, 'number into Go struct field .ExposedPorts.80~1tcp of type struct {}'],
    [{ HostConfig: { Memory: 1.5 } }, 'number 1.5 into Go struct field .HostConfig.Memory of type int64'],
    [{ HostConfig: [] }, 'array into Go struct field .HostConfig of type container.HostConfig'],
    [
      { HostConfig: { BlkioWeight: 70000 } },
      'number 70000 into Go struct field .HostConfig.BlkioWeight of type uint16',
    ],
    [{ HostConfig: { ConsoleSize: [1, -2] } }, 'number -2 into .HostConfig.ConsoleSize.1 of type uint'],
    [
      { HostConfig: { PortBindings: { '80/tcp': [{ HostPort: 80 }] } } },
      'number into Go struct field .HostConfig.PortBindings.80~1tcp.0.HostPort of type string',
    ],
    [
      { HostConfig: { Mounts: [{ BindOptions: { Propagation: 5 } }] } },
      'number into Go struct field .HostConfig.Mounts.0.BindOptions.Propagation of type mount.Propagation',
    ],
    [
      { NetworkingConfig: { EndpointsConfig: { x: { IPAMConfig: 4 } } } },
      'number into Go struct field .NetworkingConfig.EndpointsConfig.x.IPAMConfig of type network.EndpointIPAMConfig',
    ],
  ])('%j', (body, message) => {
    expect(refusal(body)).toBe(message);
  });

  test('an array for the whole body', () => {
    expect(refusal([])).toBe('array into Go value of type container.CreateRequest');
  });

  test('unknown fields vanish, names are found whatever their case, null leaves a field unset', () => {
    const body = { image: 'a', Nope: { deep: [] }, CMD: 'sh', Env: null, hostconfig: { memory: 5, Init: null } };
    expect(decodeAs<object>(body, createRequest, '')).toEqual({ Image: 'a', Cmd: ['sh'], HostConfig: { Memory: 5 } });
  });
});
