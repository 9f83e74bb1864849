import type { ProxiedRequest } from './http-proxy.ts';

/** Kinds of requests to an S3 server, for the faults of a proxy in front of it. */
export const isPut = ({ method, url }: ProxiedRequest) => method === 'PUT' && !url.includes('uploadId');
export const isPart = ({ method, url }: ProxiedRequest) => method === 'PUT' && url.includes('partNumber');
export const isComplete = ({ method, url }: ProxiedRequest) => method === 'POST' && url.includes('uploadId');
export const isGet = ({ method, url }: ProxiedRequest) => method === 'GET' && !url.includes('list-type');
export const isList = ({ url }: ProxiedRequest) => /[?&](list-type|uploads)/.test(url);
export const isAny = () => true;
