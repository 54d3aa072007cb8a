import type { RouteSocket } from '#linux/rtnetlink';
import { log } from '#std/log';
import type { NetworkCatalog } from '../catalog.ts';
import type { BridgeRecord } from '../record.ts';
import { AddressPlan, parseSubnet } from './addresses.ts';
import { type BridgeSettings, createBridge, deleteBridge, isOurs, restoreBridge } from './bridge.ts';

/** The bridge of the network `bridge`, in the kernel and in the records. */
export interface DefaultBridge {
  record(): BridgeRecord;
  /** Index of the device. */
  index(): number;
  readonly addresses: AddressPlan;
  /** Name of the host's end of an endpoint's veth pair. It says which engine it belongs to. */
  deviceName(endpointId: string): string;
  /** Whether a device has a name of that kind, of this engine. */
  isOwnDevice(name: string): boolean;
  /** Makes the device again when it is gone, and sets it up as it should be. */
  restore(): void;
  /** False when the device was deleted under us, and another engine has one of that name now. */
  isOurs(): boolean;
  /** Removes the device, and forgets name and subnet. */
  remove(): void;
}

/** Brings back the bridge that the records name, or makes one. */
export function openDefaultBridge(
  route: RouteSocket,
  catalog: NetworkCatalog,
  settings: BridgeSettings,
): DefaultBridge {
  const { tag } = catalog;
  const prefix = `est${tag}`;

  function located(record: BridgeRecord): { record: BridgeRecord; index: number } {
    return { record, index: route.link(record.device).index };
  }

  function open(): { record: BridgeRecord; index: number } {
    const network = catalog.byName('bridge');
    const known = network.bridge;
    if (known !== undefined && restoreBridge(route, known, tag)) return located(known);
    if (known !== undefined) {
      const { device, subnet } = known;
      log('warn', 'the bridge of the last run is not to be had any more', { device, subnet });
    }
    const made = createBridge(route, settings, tag);
    catalog.setBridge(network, made);
    return located(made);
  }

  let device = open();
  const { record } = device;
  const addresses = new AddressPlan(parseSubnet(record.subnet), record.gateway);
  return {
    record: () => device.record,
    index: () => device.index,
    addresses,
    deviceName: (endpointId) => `${prefix}${endpointId.slice(0, 8)}`,
    isOwnDevice: (name) => name.startsWith(prefix),
    restore() {
      if (restoreBridge(route, device.record, tag)) device = located(device.record);
    },
    isOurs: () => isOurs(route, device.record.device, tag),
    remove() {
      if (isOurs(route, device.record.device, tag)) deleteBridge(route, device.record.device);
      catalog.setBridge(catalog.byName('bridge'), undefined);
    },
  };
}
