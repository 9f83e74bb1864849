"""Records what Mistral's expressions give for the cases of jinja-cases.json.

Usage: record-jinja.py < jinja-cases.json > jinja-record.jsonl

The first line out is {"data"}, that of all cases which have none of their own; then a line for each text, in order: {"group", "text", "data"} (data only where it is not that of the cases), and
  {"value"}  what `mistral.expressions.evaluate` gave, as JSON: tuples and iterators as lists, keys as texts
  {"error"}  the message it failed with
  {"opaque"} Python's type of a value that is no JSON: a function, something undefined within a list
and {"invalid"}, the message of `mistral.expressions.validate`, where the text is refused.
"""

import collections.abc
import copy
import json
import logging
import sys

from mistral import config  # noqa: F401 (registers the options)
# Before the expressions, as in each of Mistral's servers: only then are its functions filters too.
from mistral.db.v2 import api  # noqa: F401
from mistral import expressions
from jinja2.runtime import Undefined

logging.disable(logging.CRITICAL)


class Opaque(Exception):
    pass


def key(item):
    if isinstance(item, str):
        return str(item)
    if item is None or isinstance(item, (bool, int, float)):
        return json.dumps(item)
    raise Opaque(type(item).__name__)


def plain(value):
    if isinstance(value, Undefined):
        raise Opaque(type(value).__name__)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        if value != value or value in (float('inf'), float('-inf')):
            raise Opaque('float')
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, dict):
        return {key(k): plain(v) for k, v in value.items()}
    if isinstance(value, type):
        raise Opaque('type')
    if isinstance(value, collections.abc.Iterable):
        return [plain(item) for item in value]
    raise Opaque(type(value).__name__)


def record(text, data):
    found = {}
    try:
        expressions.validate(text)
    except Exception as error:
        found['invalid'] = str(error)
    try:
        found['value'] = plain(expressions.evaluate(text, copy.deepcopy(data)))
    except Opaque as opaque:
        found['opaque'] = str(opaque)
    except Exception as error:
        found['error'] = str(error)
    return found


def main():
    cases = json.load(sys.stdin)
    print(json.dumps({'data': cases['data']}))
    for group, texts in cases['groups'].items():
        for text in texts:
            print(json.dumps({'group': group, 'text': text, **record(text, cases['data'])}))
    for other in cases['others']:
        for text in other['texts']:
            line = {'group': 'data of other kinds', 'text': text, 'data': other['data']}
            print(json.dumps({**line, **record(text, other['data'])}))


main()
