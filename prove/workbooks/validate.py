"""What Mistral's validation says to definitions.

Usage: validate.py < cases.jsonl > answers.jsonl

A line in: {"text"} or {"yaml"}, and "kind": workbook (if missing), workflows or actions. A line out, in the same order:
  {"accepted": true} or {"accepted": false, "why": "the exception: its message, shortened"} for a text,
  {"value"} or {"why"} for YAML alone, as Mistral reads it.

`version: 2.0`, a number, is taken for the text "2.0": with a number Mistral's workbooks are not checked at all, and
cannot be created. Whatever is raised is a refusal, also what Mistral did not mean to raise.
"""

import json
import logging
import sys
import warnings

warnings.filterwarnings('ignore')
logging.disable(logging.CRITICAL)

import jsonschema  # noqa: E402
from mistral.lang import parser  # noqa: E402
from mistral.utils import safe_yaml  # noqa: E402

VALIDATORS = {}


def first_error(instance, schema):
    """As `jsonschema.validate`, which checks the schema itself each time, and takes half a second for a workbook."""
    validator = VALIDATORS.get(id(schema))
    if validator is None:
        validator = VALIDATORS[id(schema)] = jsonschema.validators.validator_for(schema)(schema)
    for error in validator.iter_errors(instance):
        raise error


# Schemas live as long as their classes do.
jsonschema.validate = first_error


def validate(text, kind):
    spec = parser.parse_yaml(text)
    if kind == 'workflows':
        parser.get_workflow_list_spec(spec, validate=True)
    elif kind == 'actions':
        parser.get_action_list_spec(spec, validate=True)
    else:
        if isinstance(spec, dict) and isinstance(spec.get('version'), (int, float)) and spec['version'] == 2.0:
            spec['version'] = '2.0'
        if parser.get_workbook_spec(spec, validate=True) is None:
            raise ValueError('the version is not supported')


def answer(case):
    try:
        if 'yaml' in case:
            return {'value': safe_yaml.load(case['yaml'])}
        validate(case['text'], case.get('kind', 'workbook'))
        return {'accepted': True}
    except RecursionError:
        return {'accepted': False, 'why': 'RecursionError'}
    except Exception as error:
        why = f'{type(error).__name__}: {error}'.split('\n\n')[0]
        return {'accepted': False, 'why': ' '.join(why.split())[:300]}


for line in sys.stdin:
    result = answer(json.loads(line))
    print(json.dumps(result, default=str), flush=True)
