import { isIP } from 'node:net';

/** What a list may name: a host or an address, on one port or all, or a network. */
export type AllowedPlace =
  | { readonly host: string; readonly port: number | null }
  | { readonly network: string; readonly prefix: number; readonly family: 'ipv4' | 'ipv6' };

const named = /^[a-z0-9_](?:[a-z0-9_.-]{0,252}[a-z0-9_])?\.?$/i;

/** Reads `api.example.org`, `host:8443`, `10.1.2.3`, `fd00::1`, `[fd00::1]:80`, `10.0.0.0/8`; null for anything else. */
export function allowedPlace(text: string): AllowedPlace | null {
  const network = /^([0-9a-f.:]+)\/(\d{1,3})$/i.exec(text);
  if (network !== null) {
    const [, address = '', length = ''] = network;
    const version = isIP(address);
    const prefix = Number(length);
    if (version === 0 || prefix > (version === 4 ? 32 : 128)) return null;
    return { network: address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' };
  }
  if (isIP(text) === 6) return { host: text.toLowerCase(), port: null };
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || (bracketed !== undefined && isIP(bracketed) !== 6)) return null;
  if (plain !== undefined && !named.test(plain)) return null;
  const port = digits === undefined ? null : Number(digits);
  if (port !== null && (port < 1 || port > 65_535)) return null;
  return { host: host.toLowerCase().replace(/\.$/, ''), port };
}
