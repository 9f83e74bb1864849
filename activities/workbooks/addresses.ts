import { BlockList, isIP } from 'node:net';
import type { AllowedPlace } from '../../config/place.ts';

/** What is nobody's on the Internet: this machine, private networks, links, tests, multicast (IANA's special registries). */
const special4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Azure's own services answer every machine there, as those of link-local addresses do elsewhere.
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];

/** Within 2000::/3, outside of which nothing is public. */
const special6: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const denied4 = new BlockList();
for (const [network, prefix] of special4) denied4.addSubnet(network, prefix, 'ipv4');
const denied6 = new BlockList();
for (const [network, prefix] of special6) denied6.addSubnet(network, prefix, 'ipv6');
const public6 = new BlockList();
public6.addSubnet('2000::', 3, 'ipv6');

/** Networks whose addresses stand for one of IPv4: translated (RFC 6052), mapped. */
const carriers = new BlockList();
carriers.addSubnet('64:ff9b::', 96, 'ipv6');
carriers.addSubnet('::ffff:0:0', 96, 'ipv6');

/**
 * Whether an address is one of the Internet at large: neither this machine nor its networks, nor the metadata of a
 * cloud. Of an IPv6 address that stands for one of IPv4, that one counts.
 */
export function isPublic(address: string): boolean {
  const version = isIP(address);
  if (version === 4) return !denied4.check(address, 'ipv4');
  if (version !== 6 || address.includes('%')) return false;
  if (carriers.check(address, 'ipv6')) return isPublic(carried(address));
  return public6.check(address, 'ipv6') && !denied6.check(address, 'ipv6');
}

/** The IPv4 address in the last 32 bits, by the form that URLs give to it: `[::ffff:7f00:1]`. */
function carried(address: string): string {
  const groups = new URL(`http://[${address}]/`).hostname.slice(1, -1).split(':');
  const [high = '0', low = '0'] = groups.slice(-2).map((group) => group || '0');
  const bits = Number.parseInt(high, 16) * 0x1_0000 + Number.parseInt(low, 16);
  return [24, 16, 8, 0].map((shift) => Math.floor(bits / 2 ** shift) % 256).join('.');
}

/** Whether a list names a host on that port: by its name, or by the address that it has. */
export function isAllowed(
  places: readonly AllowedPlace[],
  { host, port, address }: { host: string; port: number; address?: string },
): boolean {
  const names = [plain(host), ...(address === undefined ? [] : [plain(address)])];
  return places.some((place) => {
    if ('host' in place) return names.includes(place.host) && (place.port === null || place.port === port);
    const network = new BlockList();
    network.addSubnet(place.network, place.prefix, place.family);
    return names.some((name) => {
      const version = isIP(name);
      return version !== 0 && network.check(name, version === 4 ? 'ipv4' : 'ipv6');
    });
  });
}

/** `[::1]` and `Example.ORG.` as lists have them; a mapped address as the one of IPv4. */
function plain(host: string): string {
  const name = host
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  return isIP(name) === 6 && carriers.check(name, 'ipv6') && name.includes('ffff') ? carried(name) : name;
}
