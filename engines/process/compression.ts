/** What `zstd` is told: why this level, see docs/adr/0007-zstd-at-level-2.md. */
export const compressionLevel = '-2';
