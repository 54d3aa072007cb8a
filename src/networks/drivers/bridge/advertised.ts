/** A default route that a router has advertised: RTF_ADDRCONF and RTF_DEFAULT (linux/ipv6_route.h). */
const advertisedDefault = 0x0004_0000 | 0x0001_0000;

/** The devices of advertised default routes, from the text of /proc/net/ipv6_route. */
export function advertisedDevices(routes: string): string[] {
  const devices = routes.split('\n').flatMap((line) => {
    const columns = line.trim().split(/\s+/);
    const flags = Number.parseInt(columns[8] ?? '0', 16);
    return (flags & advertisedDefault) === advertisedDefault ? (columns[9] ?? []) : [];
  });
  return [...new Set(devices)];
}
