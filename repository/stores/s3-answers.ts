import { UnreadableAnswer } from './s3-errors.ts';

interface Answer {
  $metadata: { httpStatusCode?: number | undefined };
}

/**
 * A page of a list that says whether it is the last one. Every server says so; a page that does not is no page, and must
 * not be taken for an empty one.
 * @throws UnreadableAnswer
 */
export function complete<T extends Answer & { IsTruncated?: boolean | undefined }>(page: T): T {
  if (page.IsTruncated === undefined) throw new UnreadableAnswer(page);
  return page;
}

/**
 * An answer about an object that bears the object's tag: what is in between may say 200 to anything.
 * @throws UnreadableAnswer
 */
export function withTag<T extends Answer & { ETag?: string | undefined }>(answer: T): T {
  if (answer.ETag === undefined) throw new UnreadableAnswer(answer);
  return answer;
}
