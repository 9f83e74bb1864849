"""Mistral, asked by the benchmark: a line of JSON in, a line out, {"seconds"} or what it printed when it broke.

  {"do": "load", "text"}                      a workbook for `run`
  {"do": "run", "workflow", "input"}          from the start of a run to its end; {"seconds", "state"}
  {"do": "validate", "text"}                  a workbook read and validated, with Mistral's own schemas checked never
  {"do": "evaluate", "texts", "data", "rounds"}   every text so often

The engine is the oracle's: Mistral's own handlers, controllers, data flow and database (SQLite, in memory), where a
queue in this process stands for messages, threads and locks, so that Mistral never is quicker than here.
"""

import copy
import json
import os
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'prove', 'workbooks'))
ENGINE = None


def engine():
    global ENGINE
    if ENGINE is None:
        import oracle
        ENGINE = oracle.set_up()
    return ENGINE


def load(question):
    import oracle
    from mistral.services import workbooks
    engine()
    oracle.WORLD.clear()
    oracle.forget()
    workbooks.create_workbook_v2(question['text'])
    return {}


def run(question):
    import oracle
    from mistral.db.v2 import api as db_api
    world = oracle.WORLD
    oracle.set_context()
    begun = time.perf_counter()
    run_id = engine().start_workflow(question['workflow'], '', None, copy.deepcopy(question['input']), '').id
    while True:
        world.drain(1000000)
        with db_api.transaction(read_only=True):
            state = db_api.get_workflow_execution(run_id).state
        if state != 'RUNNING' or not world.advance():
            break
    seconds = time.perf_counter() - begun
    with db_api.transaction():
        db_api.delete_workflow_executions()
    return {'seconds': seconds, 'state': state}


def validate(question):
    from mistral.lang import parser
    engine()
    begun = time.perf_counter()
    parser.get_workbook_spec_from_yaml(question['text'], validate=True)
    return {'seconds': time.perf_counter() - begun}


def evaluate(question):
    from mistral import expressions
    engine()
    texts, data = question['texts'], question['data']
    begun = time.perf_counter()
    for _ in range(question['rounds']):
        for text in texts:
            expressions.evaluate(text, data)
    return {'seconds': time.perf_counter() - begun}


def main():
    import logging
    import warnings
    warnings.filterwarnings('ignore')
    logging.disable(logging.CRITICAL)
    for line in sys.stdin:
        question = json.loads(line)
        print(json.dumps({'load': load, 'run': run, 'validate': validate, 'evaluate': evaluate}[question['do']](question)),
              flush=True)


main()
