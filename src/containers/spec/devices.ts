import type { OciDevice, OciDeviceRule } from '#oci';
import { fail } from '#std/errors';

/** Device nodes to make in a container, and what its cgroup lets it do with devices. */
export interface ContainerDevices {
  readonly nodes: readonly OciDevice[];
  readonly rules: readonly OciDeviceRule[];
}

const rulePattern = /^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/;

/** Every device but those that the runtime itself gives to each container. */
export const denyAll: OciDeviceRule = { allow: false, access: 'rwm' };
export const allowAll: OciDeviceRule = { allow: true, access: 'rwm' };

/** A rule of `--device-cgroup-rule`, `c 42:* rmw`; throws `internal` when it is none. */
export function parseDeviceRule(text: string): OciDeviceRule {
  const match = rulePattern.exec(text);
  if (match === null) throw fail('internal', `invalid device cgroup rule format: '${text}'`);
  const [, type = 'a', major = '*', minor = '*', access = ''] = match;
  return {
    allow: true,
    type: type as 'a' | 'b' | 'c',
    ...(major !== '*' && { major: Number(major) }),
    ...(minor !== '*' && { minor: Number(minor) }),
    access,
  };
}

/** The rule that lets a container use a node; undefined when `permissions` names no right. */
export function ruleFor(node: OciDevice, permissions: string): OciDeviceRule | undefined {
  const access = [...'rwm'].filter((right) => permissions.includes(right)).join('');
  if (access === '' || node.type === 'p') return undefined;
  return { allow: true, type: node.type, major: node.major, minor: node.minor, access };
}
