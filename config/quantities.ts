const sizeUnits: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};

const durationUnits: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };

/** `1GiB`, `1.5 GB`, `0B` as bytes, or null where it is not a size. Powers of 1024 have an `i`, as in IEC 80000-13. */
export function parseSize(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGT]i?B|B)$/.exec(text.trim());
  const unit = sizeUnits[match?.[2] ?? ''];
  if (match === null || unit === undefined) return null;
  const bytes = Math.round(Number(match[1]) * unit);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** `90s`, `10m`, `1h30m`, `500ms` as seconds, or null where it is not a duration. At most a hundred years. */
export function parseDuration(text: string): number | null {
  const words = text.trim().match(/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d)\s*)+$/);
  if (words === null) return null;
  let seconds = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    seconds += Number(amount) * (durationUnits[unit ?? ''] ?? 0);
  }
  return seconds <= 36_525 * 86_400 ? seconds : null;
}
