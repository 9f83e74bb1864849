/** The archive: GNU tar's pax format. */
export const dataStream = 'files.tar.zst';
/** What is in it: a line of JSON for each file, see `IndexedFile`. */
export const indexStream = 'files.jsonl.zst';
