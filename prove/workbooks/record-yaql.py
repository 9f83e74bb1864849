"""Records what Mistral's YAQL makes of expressions, for test/unit/workbooks/yaql.test.ts.

Run with a Python that has mistral==23.0.0:
    record-yaql.py prove/workbooks/yaql-expressions.txt > test/unit/workbooks/yaql-cases.json
Each expression is evaluated twice: alone, where its type stays, and within a text, as which it is written. A result
is the JSON that Mistral would store; what it cannot store is an error. Random expressions follow those of the file,
always the same ones.
"""

import collections.abc  # noqa: F401 (YAQL relies on somebody having imported it)
import json
import logging
import random
import re
import signal
import sys
import warnings

warnings.simplefilter('ignore')
logging.disable(logging.CRITICAL)

from mistral import config  # noqa: E402,F401
from mistral import expressions  # noqa: E402
from oslo_serialization import jsonutils  # noqa: E402


class TooLong(BaseException):
    pass


def _give_up(*_):
    raise TooLong()


signal.signal(signal.SIGALRM, _give_up)

ATOMS = [
    '$', '$.a', '$.b', '$.c', '$.d', '$.l', '$.l[0]', '1', '2', '0', '-1', '1.5', '2.0', "'a'", "'ab'", "''", 'true',
    'false', 'null', '[]', '[1, 2]', '{}', '{a => 1}', 'range(3)', 'set(1, 2)', "'a,b'.split(',')", 'timespan(1)',
    'datetime(2020, 1, 2)', '[[1, 2], [3]]',
]
BINARY = ['+', '-', '*', '/', 'mod', '<', '>', '<=', '>=', '=', '!=', 'and', 'or', 'in', '=~']
METHODS = [
    'len()', 'toList()', 'first()', 'last()', 'sum()', 'max()', 'min()', 'select($)', 'select($ + 1)', 'where($)',
    'where($ > 1)', 'any()', 'all()', 'distinct()', 'reverse()', 'flatten()', 'count()', 'keys()', 'values()',
    'items()', 'toSet()', 'skip(1)', 'limit(1)', 'append(1)', 'enumerate()', 'orderBy($)', 'orderByDescending($)',
    'groupBy($)', 'zip([1, 2])', 'indexOf(1)', "join('-')", 'toUpper()', "split('a')", "replace('a', 'b')",
    'substring(1)', "startsWith('a')", 'trim()', 'toDict($, 1)', 'get(a)', 'set(b, 2)', 'delete(0)', 'insert(0, 5)',
    'aggregate($1 + $2)', 'accumulate($1 + $2)', 'slice(2)', 'splitAt(1)', 'mergeWith({a => 2})', 'selectMany($)',
    'containsKey(a)', 'contains(1)', 'isEmpty()', 'norm()', 'toCharArray()', 'switchCase(a, b)', 'repeat(2)',
    'takeWhile($)', 'defaultIfEmpty([1])', 'memorize()', 'unpack() -> $1', 'assert(true)', 'single()', 'a', 'b',
]
FUNCTIONS = [
    'str({})', 'int({})', 'float({})', 'bool({})', 'abs({})', 'len({})', 'not {}', '-{}', 'isList({})', 'isDict({})',
    'isString({})', 'isNumber({})', 'isInteger({})', 'list({})', 'set({})', 'round({})', 'sign({})', 'hex({})',
    'coalesce({}, {})', 'max({}, {})', 'min({}, {})', 'concat({}, {})', 'pow({}, 2)', 'switch({} => 1, true => 2)',
    '[{}, {}]', '{{a => {}}}', '[{}][0]', '{{a => {}}}.a', 'let({}) -> $', 'dict(a => {})', 'json_dump({})',
    '{}[0]', '{}[a]', 'examine({}, {})', 'selectCase({}, {})', 'isEmpty({})', 'norm({})', 'range({})',
]
DATA = {'a': 3, 'b': 'text', 'c': [3, 1, 2], 'd': {'a': 1, 'b': [1, 2]}, 'l': [{'a': 1}, {'a': 2}]}


def _random_expression(pick, depth):
    if depth == 0 or pick.random() < 0.15:
        return pick.choice(ATOMS)
    kind = pick.random()
    if kind < 0.3:
        left, right = (_random_expression(pick, depth - 1) for _ in range(2))
        made = '%s %s %s' % (left, pick.choice(BINARY), right)
        return '(%s)' % made if pick.random() < 0.5 else made
    if kind < 0.7:
        return '(%s).%s' % (_random_expression(pick, depth - 1), pick.choice(METHODS))
    form = pick.choice(FUNCTIONS)
    return form.format(*(_random_expression(pick, depth - 1) for _ in range(2)))


def _evaluated(text, data):
    signal.alarm(10)
    try:
        result = expressions.evaluate(text, data)
        return {'value': json.loads(jsonutils.dumps(result))} | ({'set': True} if isinstance(result, set) else {})
    except Exception as e:
        return {'error': re.sub(r' at 0x[0-9a-f]+', '', str(e)).split(', error=', 1)[-1][:120]}
    finally:
        signal.alarm(0)


def _outcome(expression, data):
    alone = _evaluated('<% ' + expression + ' %>', data)
    within = _evaluated('=<% ' + expression + ' %>', data)
    if 'error' in alone and 'error' in within:
        return {'error': alone['error']}
    text = within.get('value', None)
    # What shows addresses, or the order of a set, is not the same twice.
    if text is not None and (' at 0x' in text or re.search(r'\{[^:{}]*,[^:{}]*\}', text) or 'set(' in expression):
        text = None
    outcome = dict(alone)
    if 'value' in within:
        outcome['text'] = text
    return outcome


def main():
    groups = []
    with open(sys.argv[1], encoding='utf-8') as lines:
        for line in lines.read().split('\n'):
            if line.startswith('@ '):
                groups.append((json.loads(line[2:]), []))
            elif line and not line.startswith('# '):
                groups[-1][1].append(line)
    pick = random.Random(20)
    groups.append((DATA, [_random_expression(pick, 1 + i % 4) for i in range(1500)]))
    records = []
    for data, found in groups:
        cases = {}
        for one in found:
            try:
                cases[one] = _outcome(one, data)
            except TooLong:
                sys.stderr.write('without an end: %s\n' % one)
        records.append({'data': data, 'cases': cases})
    out = ',\n'.join(
        '{"data": %s, "cases": {\n%s\n}}' % (
            json.dumps(group['data'], ensure_ascii=False),
            ',\n'.join('%s: %s' % (json.dumps(k), json.dumps(v)) for k, v in group['cases'].items()))
        for group in records)
    sys.stdout.write('[%s]\n' % out)


main()
