import type { ErrorCode } from '../errors/backupctl-error.ts';

/** What a process ends with, and what it means to a script. Every code is below 126, but for Ctrl-C's 130. */
export const exitCodes = {
  ok: {
    code: 0,
    meaning: 'It is done; with `--wait`, the run succeeded, or a workflow of a workbook was paused.',
  },
  bug: { code: 1, meaning: 'A fault of backupctl itself: please report it.' },
  usage: {
    code: 2,
    meaning: 'The words of the command are off: an unknown flag, a bad pattern, a bad number.',
  },
  notFound: { code: 3, meaning: 'What was named does not exist.' },
  refused: { code: 4, meaning: 'It could be done, but would lose something or is not allowed.' },
  conflict: {
    code: 5,
    meaning: 'It exists already, something else holds it, or a name stands for several things.',
  },
  unavailable: { code: 6, meaning: 'Temporal, the repository or the source did not answer.' },
  failed: { code: 7, meaning: 'The run ended badly, or did not take place (`SKIPPED`, `MISSED`).' },
  cancelled: { code: 8, meaning: 'The run was cancelled.' },
  damaged: { code: 9, meaning: '`backup-verify` found damage, or bytes are not what their manifest says.' },
  unprotected: { code: 10, meaning: '`status`: an instance is not protected.' },
  configuration: { code: 11, meaning: 'A file or a key of the configuration is wrong.' },
  credentials: { code: 12, meaning: 'A server answered, and refused who we are or what we may do.' },
  missingTool: { code: 13, meaning: 'A program that is needed cannot be had.' },
  noSpace: { code: 14, meaning: 'Too little room on a disk.' },
  unsupported: { code: 15, meaning: 'A format or a version that this program does not know.' },
  interrupted: { code: 130, meaning: 'Ctrl-C. A run that was waited for goes on.' },
} as const satisfies Record<string, { code: number; meaning: string }>;

const byErrorCode: Record<ErrorCode, keyof typeof exitCodes> = {
  usage: 'usage',
  configuration: 'configuration',
  'not-found': 'notFound',
  ambiguous: 'conflict',
  conflict: 'conflict',
  refused: 'refused',
  unavailable: 'unavailable',
  credentials: 'credentials',
  'missing-tool': 'missingTool',
  'no-space': 'noSpace',
  corrupt: 'damaged',
  unsupported: 'unsupported',
  failed: 'failed',
  cancelled: 'cancelled',
};

/** The exit code for an error that a user can act on. */
export function exitCodeOf(code: ErrorCode): number {
  return exitCodes[byErrorCode[code]].code;
}
