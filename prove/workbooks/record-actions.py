"""Records what Mistral's own actions make of inputs, for test/unit/workbooks/actions.test.ts.

Run with a Python that has mistral==23.0.0: record-actions.py > test/unit/workbooks/actions.json
"""

import json
import re
import sys
import types
import warnings

warnings.simplefilter('ignore')

from mistral.db.v2 import api as _db  # noqa: E402,F401 (the others need it first)
from mistral.actions import adhoc, std_actions  # noqa: E402
from mistral.lang import parser  # noqa: E402
from mistral.services import actions as action_service  # noqa: E402
from mistral.services import adhoc_actions  # noqa: E402
from mistral.workflow import data_flow  # noqa: E402
from mistral_lib import actions as ml  # noqa: E402

CLASSES = {
    'std.async_noop': std_actions.AsyncNoOpAction,
    'std.echo': std_actions.EchoAction,
    'std.email': std_actions.SendEmailAction,
    'std.fail': std_actions.FailAction,
    'std.http': std_actions.HTTPAction,
    'std.javascript': std_actions.JavaScriptAction,
    'std.js': std_actions.JavaScriptAction,
    'std.mistral_http': std_actions.MistralHTTPAction,
    'std.noop': std_actions.NoOpAction,
    'std.sleep': std_actions.SleepAction,
    'std.ssh': std_actions.SSHAction,
    'std.ssh_proxied': std_actions.SSHProxiedAction,
    'std.test_dict': std_actions.TestDictAction,
}
STANDARD = {name: ml.PythonActionDescriptor(name, cls, namespace='') for name, cls in CLASSES.items()}
ID = '6f6c1e0a-6a2d-4d0e-9d33-0a4a7b1f2c11'

slept = []
std_actions.time.sleep = lambda seconds, real=std_actions.time.sleep: (
    slept.append(seconds), real(seconds) if not 0 <= seconds < 1e9 else None
)


def shown(text):
    return re.sub(r' at 0x[0-9a-f]+', '', str(text))


def run(action):
    """As the executor does it."""
    slept.clear()
    try:
        result = action.run(None)
        if not isinstance(result, ml.Result):
            result = ml.Result(data=result)
    except BaseException as e:
        result = ml.Result(error=shown(
            "The action raised an exception [action=%s, action_ex_id=%s, msg='%s']" % (action, ID, e)))
    ended = {'error': result.error} if result.error is not None else {'result': result.data}
    return {**ended, 'delay': sum(slept) if 'error' not in ended else 0}, result


def checked(name, params):
    try:
        STANDARD[name].check_parameters(params)
    except Exception as e:
        return str(e)


def inline(name, params):
    case = {'name': name, 'input': json.loads(json.dumps(params))}
    refusal = checked(name, params)
    if refusal:
        return {**case, 'refused': refusal}
    try:
        action = STANDARD[name].instantiate(params, {})
    except Exception as e:
        return {**case, 'reason': str(e)}
    return {**case, 'outcome': run(action)[0]}


DELAYS = [0, 0.25, -1, '0.01', 'abc', ' 0.0_1 ', None, [], {}, True, 'inf', '-inf', 'nan', '', '1e-3', '-5',
          '0x10', '.5', '5.', '1__0', '1_0', 1e10, 'Infinity']
SECONDS = [0, -1, '0', 'abc', None, [], {}, True, False, 0.9, 2.7, '0.9', ' 3 ', '-3', '', '00', '1_0', '+4', 1e10]
DICTS = [{}, {'size': 2}, {'size': '2'}, {'size': True, 'key_prefix': None}, {'size': None}, {'size': 1.5},
         {'size': 2, 'key_prefix': [1, 'a'], 'val': {'x': 1}}, {'size': -1}, {'size': 1, 'key_prefix': {'a': None}},
         {'size': []}, {'size': {}}, {'size': 1, 'key_prefix': 1.5}, {'size': 1, 'key_prefix': "it's", 'val': None},
         {'size': 1, 'key_prefix': "__proto__", 'val': 1}, {'size': 3, 'prefix': 1}]
FAILS = [None, '', 0, [], {}, False, 'x', {'a': 1}, 1, True, [0], {'': ''}, 0.5]
INPUTS = [('std.noop', {}), ('std.noop', {'a': 1, "b'c": 2}), ('std.async_noop', {}), ('std.echo', {}),
          ('std.echo', {'output': None}), ('std.echo', {'output': {'a': [1, None, 'x']}, 'delay': 0}),
          ('std.echo', {'output': 1, 'more\n': 2, 'it\'s "so"': 3, 'zero\u200bwidth': 4}),
          ('std.fail', {}), ('std.sleep', {}), ('std.sleep', {'second': 1}), ('std.test_dict', {'val': 1})]
REFUSED = [('std.http', {}), ('std.http', {'method': 'GET', 'x"\'': 1}), ('std.mistral_http', {'urls': 1}),
           ('std.email', {'to_addrs': []}), ('std.email', {'params': {}}), ('std.ssh', {'cmd': 'x', 'y\n': 1}),
           ('std.ssh_proxied', {'cmd': 'x', 'host': 'h', 'username': 'u', 'gateway_host': 'g'}),
           ('std.javascript', {}), ('std.js', {'context': 1, 'é': 1}),
           ('std.http', {'url': 'http://a.invalid', 'auth': 1}), ('std.http', {'url': 'x', 'auth': {'a': 1}}),
           ('std.http', {'url': 'x', 'auth': ['a', 'b']}), ('std.http', {'url': 'x', 'body': 1, 'json': 1}),
           ('std.mistral_http', {'url': 'x', 'body': 'a', 'json': {'b': 1}})]

WORKBOOK = r"""
version: '2.0'
name: wb
actions:
  twice:
    base: std.echo
    base-input: {output: "<% $.a %>+<% $.b %>"}
    input: [{a: one}, b]
    output: "<% $ %> and <% $ %>"
  nested:
    base: wb.twice
    base-input: {b: "<% $.c %>"}
    input: [{c: three}]
    output: {nested: "<% $ %>", list: ["<% $ %>", 1]}
  third:
    base: wb.nested c=<% $.d %>
    input: [d]
  plain:
    base: std.echo
    base-input: {output: fixed}
  env:
    base: std.echo
    base-input: {output: "<% $.outside %>"}
  hidden:
    base: std.echo
    base-input: {output: "<% $.outside %>"}
    input: [{outside: inside}]
  whole:
    base: std.echo
    base-input: {output: "<% $.list %>"}
    input: [list]
    output: "<% $.x %>"
  failing:
    base: std.fail
    base-input: {error_data: "<% $.why %>"}
    input: [{why: null}]
    output: "never <% $ %>"
  async:
    base: std.async_noop
    output: "(<% $ %>)"
  comma:
    base: std.echo
    base-input: {output: "<% $.s %>"}
    input: [{s: "a, b"}]
  stars:
    base: std.echo
    base-input: {output: "<% $.s %>"}
    input: [{s: "a ** b"}]
  equals:
    base: std.echo
    base-input: {output: "<% $.s %>"}
    input: [{s: "a=b"}, {t: {k: 1, l: "é\x7f"}}]
  unknown:
    base: nobody
  unknown_below:
    base: wb.unknown
  short:
    base: plain
  self:
    base: wb.self
  ring:
    base: wb.ring2
  ring2:
    base: wb.ring
  unfit:
    base: std.echo
    base-input: {outputs: 1}
  unfit_delay:
    base: std.echo
    base-input: {output: 1, delay: []}
  null_output:
    base: std.echo
    base-input: {output: 1}
    output: null
  text_output:
    base: std.echo
    base-input: {output: 1}
    output: done
"""
AD_HOC = [('twice', {'b': 'x'}, {}), ('twice', {'a': 1, 'b': 2}, {}), ('twice', {}, {}), ('twice', {'b': 1, 'c': 2}, {}),
          ('twice', {'a': None, 'b': True}, {}), ('nested', {}, {}), ('nested', {'c': 'C'}, {}), ('third', {'d': 'D'}, {}),
          ('third', {}, {}), ('plain', {}, {}), ('plain', {'x': 1}, {}), ('env', {}, {'outside': 'seen'}),
          ('hidden', {}, {'outside': 'seen'}), ('hidden', {'outside': 'given'}, {'outside': 'seen'}),
          ('whole', {'list': {'x': [1, 2]}}, {}), ('whole', {'list': {}}, {}), ('whole', {'list': None}, {}),
          ('whole', {'list': 0}, {}), ('whole', {'list': []}, {}), ('failing', {}, {}), ('failing', {'why': {'x': 1}}, {}),
          ('async', {}, {}), ('comma', {}, {}), ('comma', {'s': 'x'}, {}), ('stars', {}, {}), ('stars', {'q': 1}, {}),
          ('equals', {}, {}), ('equals', {'u': 1}, {}), ('unknown', {}, {}), ('unknown_below', {}, {}),
          ('unknown_below', {'a': 1}, {}), ('short', {}, {}), ('self', {}, {}), ('ring', {}, {}), ('unfit', {}, {}),
          ('unfit_delay', {}, {}), ('null_output', {}, {}), ('text_output', {}, {})]


def ad_hoc():
    spec = parser.get_workbook_spec_from_yaml(WORKBOOK)
    found = dict(STANDARD)
    definitions = {}
    for action in spec.get_actions():
        data = action.to_dict()
        signature = adhoc_actions.get_input_list(data.get('input', []))
        name = 'wb.%s' % action.get_name()
        found[name] = adhoc.AdHocActionDescriptor(types.SimpleNamespace(
            name=name, description=None, input=', '.join(signature) or None, namespace='', project_id=None,
            scope='private', definition='', spec=data))
        entries = [e if isinstance(e, dict) else {e: None} for e in data.get('input', [])]
        definitions[name] = {
            'name': action.get_name(),
            'tags': [],
            'base': action.get_base(),
            'baseInput': action.get_base_input(),
            'input': [{'name': k, 'default': v} if isinstance(e, dict) else {'name': k}
                      for e, pairs in zip(data.get('input', []), entries) for k, v in pairs.items()],
            'output': action.get_output(),
        }
    provider = types.SimpleNamespace(find=lambda name, namespace=None: found.get(name))
    action_service.get_system_action_provider = lambda: provider

    cases = []
    for short, params, context in AD_HOC:
        name = 'wb.%s' % short
        case = {'name': short, 'input': json.loads(json.dumps(params)), 'context': context}
        try:
            found[name].check_parameters(params)
            action = None
            try:
                action = found[name].instantiate(
                    params, data_flow.ContextView({}, {'__env': {}}, context))
            except Exception as e:
                cases.append({**case, 'reason': str(e)})
                continue
            case['shown'] = params
            case['synchronous'] = action.is_sync()
            outcome, result = run(action.base_action)
            if 'error' in outcome and isinstance(outcome['error'], str) and 'raised' in outcome['error']:
                outcome, result = run(action)
            after = found[name].post_process_result(result)
            del outcome['delay']
            cases.append({**case, 'base': outcome,
                          'post': {'error': after.error} if after.error is not None else {'result': after.data}})
        except Exception as e:
            cases.append({**case, 'refused': str(e)})
    return {'definitions': definitions, 'cases': cases}


def main():
    cases = [inline(name, dict(params)) for name, params in INPUTS + REFUSED]
    cases += [inline('std.echo', {'output': 'x', 'delay': delay}) for delay in DELAYS]
    cases += [inline('std.sleep', {'seconds': seconds}) for seconds in SECONDS]
    cases += [inline('std.test_dict', dict(params)) for params in DICTS]
    cases += [inline('std.fail', {'error_data': data}) for data in FAILS]
    facts = {name: {'className': d.action_class_name, 'signature': d.params_spec,
                    'synchronous': CLASSES[name].is_sync(None)} for name, d in sorted(STANDARD.items())}
    json.dump({'id': ID, 'facts': facts, 'inline': cases, 'adHoc': ad_hoc()}, sys.stdout, indent=1, ensure_ascii=True)
    print()


main()
