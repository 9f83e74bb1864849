import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { HttpFault, ProxiedRequest } from '../../../test/servers/http-proxy.ts';
import type { Fault as TcpFault } from '../../../test/servers/proxy.ts';
import { between, type FaultKind, type Injected, pick, type Random } from '../kind.ts';
import type { World } from '../world.ts';
import { partKinds } from './store-parts.ts';

type Bucket = NonNullable<World['bucket']>;
type Requests = (request: ProxiedRequest) => boolean;

const base = { group: 'store', worlds: ['bucket'] } as const satisfies Partial<FaultKind>;

/** A store that does not answer for longer than a run's retries last, in the words of the product. */
const silent = [/does not answer|HTTP status 5\d\d|SlowDown|ServiceUnavailable|InternalError/];

const any: Requests = () => true;
const isPart: Requests = ({ method, url }) => method === 'PUT' && url.includes('partNumber=');
const isPut: Requests = ({ method, url }) => method === 'PUT' && !url.includes('uploadId=');
const isManifest: Requests = (request) => isPut(request) && /\/manifest\.json(\?|$)/.test(request.url);
const isDelete: Requests = ({ method }) => method === 'DELETE';
const isList: Requests = ({ method, url }) => method === 'GET' && url.includes('list-type=');
const isObject: Requests = ({ method, url }) =>
  method === 'GET' && !/[?&](list-type|uploads|versions)/.test(url);

function bucketOf(world: World): Bucket {
  if (world.bucket === null) throw new Error(`the world ${world.name} has no bucket`);
  return world.bucket;
}

/** Requests that match are faulted, so many of them at most, while the fault is held. */
function httpFault(world: World, matches: Requests, fault: HttpFault, times: number, what: string): Injected {
  const handle = bucketOf(world).http.fault(matches, fault, times);
  return {
    get struck() {
      return handle.hits > 0;
    },
    what,
    lift: async () => handle.remove(),
  };
}

function tcpFault(world: World, fault: TcpFault, what: string): Injected {
  const { tcp } = bucketOf(world);
  const injected = tcp.inject(fault);
  return {
    get struck() {
      return injected.hits > 0;
    },
    what,
    lift: async () => injected.remove(),
  };
}

const answer = (status: number, code: string, headers: Record<string, string> = {}): HttpFault => ({
  kind: 'answer',
  status,
  headers: { 'content-type': 'application/xml', ...headers },
  body: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>injected</Message></Error>`,
});

/** Every request of a while answered so by the proxy. */
function answers(
  name: string,
  does: string,
  fault: (random: Random) => HttpFault,
  more: Partial<FaultKind> = {},
): FaultKind {
  return {
    ...base,
    name,
    does,
    reasons: [],
    ...more,
    async inject(world, random) {
      const drawn = fault(random);
      const status = drawn.kind === 'answer' ? drawn.status : drawn.kind;
      return httpFault(world, any, drawn, Number.POSITIVE_INFINITY, `every request answered ${status}`);
    },
  };
}

/** The answers to one to three requests are lost, after the server did what they asked for. */
function lostAnswer(name: string, of: string, matches: Requests): FaultKind {
  return {
    ...base,
    name,
    does: `the answer to ${of} lost after it was done`,
    hold: [2_000, 6_000],
    reasons: [],
    async inject(world, random) {
      const times = 1 + Math.floor(random() * 3);
      return httpFault(world, matches, { kind: 'lose-answer' }, times, `${times} answers to ${of} lost`);
    },
  };
}

const resets: FaultKind = {
  ...base,
  name: 'store-reset',
  does: 'connections reset at a random byte of a request or an answer',
  reasons: [],
  async inject(world, random) {
    const direction = pick(random, ['to-server', 'to-client'] as const);
    const after = Math.floor(direction === 'to-server' ? random() ** 3 * 3_000_000 : random() ** 3 * 200_000);
    const times = 1 + Math.floor(random() * 5);
    const what = `${times} connections reset ${direction} after ${after} bytes`;
    return tcpFault(world, { action: 'reset', direction, after, times }, what);
  },
};

const cuts: FaultKind = {
  ...base,
  name: 'store-cut',
  does: 'connections ended in good order (FIN) at a random byte',
  reasons: [],
  async inject(world, random) {
    const direction = pick(random, ['to-server', 'to-client'] as const);
    const after = Math.floor(random() ** 3 * 500_000);
    const times = 1 + Math.floor(random() * 5);
    const what = `${times} connections ended ${direction} after ${after} bytes`;
    return tcpFault(world, { action: 'cut', direction, after, times }, what);
  },
};

const trickle: FaultKind = {
  ...base,
  name: 'store-trickle',
  does: 'one byte a second, each way',
  hold: [2_000, 8_000],
  // No byte of a dump is confirmed for longer than the stall limit of this world, 6 s.
  reasons: [/no (data|byte)|stall/i],
  async inject(world, random) {
    const direction = pick(random, ['to-server', 'to-client'] as const);
    return tcpFault(
      world,
      { action: 'trickle', direction, bytesPerSecond: 1 },
      `1 byte a second ${direction}`,
    );
  },
};

const blackout: FaultKind = {
  ...base,
  name: 'store-blackout',
  does: 'no byte passes for a minute',
  minutes: true,
  hold: [60_000, 62_000],
  reasons: silent,
  async inject(world) {
    const { tcp } = bucketOf(world);
    const both = (['to-server', 'to-client'] as const).map((direction) =>
      tcp.inject({ action: 'freeze', direction }),
    );
    return {
      get struck() {
        return both.some(({ hits }) => hits > 0);
      },
      what: 'no byte passes',
      lift: async () => {
        for (const fault of both) fault.remove();
      },
    };
  },
};

const badRequest: FaultKind = {
  ...base,
  name: 'store-flip-request',
  does: 'a bit of a part or an object flipped on its way to the store',
  hold: [1_000, 4_000],
  reasons: [],
  async inject(world, random) {
    const fault: HttpFault = { kind: 'flip-bit', at: random() };
    const times = 1 + Math.floor(random() * 2);
    const matches: Requests = (request) => isPart(request) || isPut(request);
    return httpFault(world, matches, fault, times, `a bit of ${times} bodies flipped`);
  },
};

const badAnswer: FaultKind = {
  ...base,
  name: 'store-flip-answer',
  does: 'a bit of an object flipped on its way from the store',
  hold: [1_000, 4_000],
  reasons: [
    /corrupt|does not fit|not JSON|damaged|is not signed|authenticat|SHA-256|cannot be opened|tag|signature/i,
  ],
  async inject(world, random) {
    const fault: HttpFault = { kind: 'flip-answer', at: random() };
    return httpFault(world, isObject, fault, 1, 'a bit of an object that was read flipped');
  },
};

const halfLists: FaultKind = {
  ...base,
  name: 'store-list-fails',
  does: 'lists come in two pages, and the second one fails',
  hold: [500, 4_000],
  reasons: [],
  async inject(world, random) {
    const second = pick(random, ['error', 'cut', 'reset'] as const);
    const fault: HttpFault = { kind: 'half-list', second };
    return httpFault(world, isList, fault, Number.POSITIVE_INFINITY, `second pages of lists: ${second}`);
  },
};

const oldLists: FaultKind = {
  ...base,
  name: 'store-list-old',
  does: 'lists show what was there when they were last asked for',
  hold: [1_000, 5_000],
  reasons: [
    /lists what was there before|there is no backup|does not exist|is gone|exists already|somebody else|appeared while/,
  ],
  async inject(world) {
    const fault: HttpFault = { kind: 'old-list' };
    return httpFault(world, isList, fault, Number.POSITIVE_INFINITY, 'old lists');
  },
};

const noName: FaultKind = {
  ...base,
  name: 'store-dns-gone',
  takes: 'store',
  does: "the endpoint's name not resolved any more",
  hold: [1_000, 5_000],
  reasons: [],
  async inject(world) {
    const { names, tcp } = bucketOf(world);
    if (names === null) return { struck: false, what: 'nothing', lift: async () => {} };
    names.forget();
    // Connections that stand need no name.
    tcp.resetAll();
    return { struck: true, what: 'localhost is no name any more', lift: async () => names.remember() };
  },
};

const noBucket: FaultKind = {
  ...base,
  name: 'store-bucket-gone',
  takes: 'store',
  does: 'the bucket gone, and back',
  hold: [200, 3_000],
  reasons: [/there is no bucket/],
  async inject(world) {
    const { server } = bucketOf(world);
    const [there, away] = [
      join(server.directory, server.bucket),
      join(server.directory, '..', 'bucket-away'),
    ];
    await rename(there, away);
    return {
      struck: true,
      what: 'the bucket taken away',
      lift: async () => {
        await rename(away, there);
      },
    };
  },
};

const refused: FaultKind = {
  ...base,
  name: 'store-down',
  takes: 'store',
  does: 'the S3 server killed, and started again',
  hold: [500, 4_000],
  reasons: [],
  async inject(world) {
    const { server } = bucketOf(world);
    await server.kill9();
    return { struck: true, what: 'versitygw killed', lift: () => server.restart() };
  },
};

export const storeKinds: readonly FaultKind[] = [
  resets,
  cuts,
  answers('store-500', 'every request answered 500', () => answer(500, 'InternalError')),
  answers('store-503-burst', 'every request answered 503 SlowDown', () => answer(503, 'SlowDown')),
  answers(
    'store-clock-skew',
    'every request answered 403, by a clock hours ahead or behind',
    (random) => {
      const hours = pick(random, [-1, 1]) * between(random, 1, 48);
      const date = new Date(Date.now() + hours * 3_600_000).toUTCString();
      return answer(403, 'RequestTimeTooSkewed', { date });
    },
    { reasons: [/clock is too far/] },
  ),
  answers(
    'store-expired-token',
    'the credentials called expired, and good again',
    (random) => answer(pick(random, [400, 403]), 'ExpiredToken'),
    { reasons: [/session token has expired/] },
  ),
  answers('store-captive', 'every request answered 200 by the page of a captive portal', () => ({
    kind: 'answer',
    status: 200,
    headers: { 'content-type': 'text/html' },
    body: '<html>Log in</html>',
  })),
  lostAnswer('store-lost-put', 'a PUT', isPut),
  lostAnswer('store-lost-manifest', 'the PUT of a manifest', isManifest),
  lostAnswer('store-lost-delete', 'a DELETE', isDelete),
  ...partKinds,
  badRequest,
  badAnswer,
  halfLists,
  oldLists,
  trickle,
  noName,
  noBucket,
  refused,
  blackout,
];
