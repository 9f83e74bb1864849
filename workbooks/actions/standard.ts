import { type ActionFacts, type Place, parameters } from './action.ts';

const http =
  'url, method="GET", params=null, body=null, json=null, headers=null, cookies=null, auth=null, timeout=null, ' +
  'allow_redirects=null, proxies=null, verify=null';

/** Name, class, parameters, where it runs, what it does. */
const list: readonly (readonly [string, string, string, Place, string])[] = [
  ['std.async_noop', 'AsyncNoOpAction', '', 'inline', 'Does nothing, and waits to be told its result.'],
  ['std.echo', 'EchoAction', 'output, delay=0', 'inline', 'Gives back `output`, after `delay` seconds.'],
  [
    'std.email',
    'SendEmailAction',
    'from_addr, to_addrs, smtp_server, reply_to=null, cc_addrs=null, bcc_addrs=null, smtp_password=null, subject=null, body=null, html_body=null',
    'activity',
    'Sends a mail.',
  ],
  ['std.fail', 'FailAction', 'error_data=null', 'inline', 'Fails, with `error_data` as its result if given.'],
  ['std.http', 'HTTPAction', http, 'activity', 'Sends an HTTP request.'],
  [
    'std.javascript',
    'JavaScriptAction',
    'script, context=null',
    'activity',
    'Runs the body of a JavaScript function, with `context` as `$`, in a sandbox.',
  ],
  ['std.js', 'JavaScriptAction', 'script, context=null', 'activity', 'The same as std.javascript.'],
  [
    'std.mistral_http',
    'MistralHTTPAction',
    http,
    'activity',
    'Sends an HTTP request that says who asks, and waits to be told its result.',
  ],
  ['std.noop', 'NoOpAction', '', 'inline', 'Does nothing.'],
  ['std.sleep', 'SleepAction', 'seconds=1', 'timer', 'Waits.'],
  [
    'std.ssh',
    'SSHAction',
    'cmd, host, username, password="", private_key_filename=null, private_key=null, return_result_on_error=false',
    'activity',
    'Runs a command on a host, or on several, over SSH.',
  ],
  [
    'std.ssh_proxied',
    'SSHProxiedAction',
    'cmd, host, username, private_key_filename, gateway_host, gateway_username=null, password=null, proxy_command=null, private_key=null',
    'activity',
    'Runs a command on a host that is reached through another.',
  ],
  [
    'std.test_dict',
    'TestDictAction',
    'size=0, key_prefix="", val=""',
    'inline',
    'Gives a dictionary of `size` keys, for tests.',
  ],
];

const asynchronous = new Set(['std.async_noop', 'std.mistral_http']);

/** The actions that Mistral brings, by their names. */
export const standardActions: readonly ActionFacts[] = list.map(
  ([name, className, signature, runs, description]) => ({
    name,
    className: `mistral.actions.std_actions.${className}`,
    parameters: parameters(signature),
    open: false,
    description,
    synchronous: !asynchronous.has(name),
    runs,
  }),
);
