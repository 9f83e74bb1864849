"""Records what Mistral's std.http sends, and what it makes of answers, for test/conformance/action-http.test.ts.

Run with a Python that has mistral==23.0.0: record-http.py > test/conformance/action-http.json
"""

import json
import socket
import sys
import threading
import types
import warnings

warnings.simplefilter('ignore')

from oslo_config import cfg  # noqa: E402
from mistral.db.v2 import api as _db  # noqa: E402,F401 (the others need it first)
from mistral.actions import std_actions  # noqa: E402
from mistral import config  # noqa: E402,F401

cfg.CONF.set_override('denied_cidrs', [], group='action_std_http')
cfg.CONF.set_override('max_response_size_bytes', 1000000, group='action_std_http')

OK = 'HTTP/1.1 200 OK\r\n'


def answer(body, kind=None, status='200 OK', more=''):
    head = 'HTTP/1.1 %s\r\n' % status
    if kind:
        head += 'Content-Type: %s\r\n' % kind
    data = body if isinstance(body, bytes) else body.encode()
    return (head + more + 'Content-Length: %d\r\nConnection: close\r\n\r\n' % len(data)).encode('latin1') + data


JSON = answer('{"a": [1, 2.5, null, "x"]}', 'application/json')
CASES = [
    ('json', {}, JSON),
    ('json without a type', {}, answer('{"a": 1}')),
    ('a number', {}, answer('42', 'text/plain')),
    ('a text', {}, answer('hello', 'text/plain')),
    ('nothing', {}, answer('')),
    ('no content', {}, b'HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n'),
    ('latin1', {}, answer('gr\u00fcn'.encode('latin1'), 'text/plain')),
    ('utf-8 by name', {}, answer('gr\u00fcn', 'text/plain; charset=utf-8')),
    ('UTF-8 in capitals', {}, answer('gr\u00fcn', 'text/plain; charset="UTF-8"')),
    ('json that is said to be text', {}, answer('{"a": "gr\u00fcn"}', 'text/html')),
    ('json in utf-16', {}, answer('{"a": 1}'.encode('utf-16-le'))),
    ('html', {}, answer('<p>', 'text/html; charset=ISO-8859-1', '404 Not Found')),
    ('an error with json', {}, answer('{"no": true}', 'application/json', '500 Oh no')),
    ('306', {}, answer('x', None, '306 Unused')),
    ('307 without a location', {}, answer('x', None, '307 Elsewhere')),
    ('a redirect that is not followed', {}, answer('x', None, '302 Found', 'Location: /other\r\n')),
    ('a redirect that is not to be followed', {'allow_redirects': False}, answer('x', None, '301 Moved', 'Location: /other\r\n')),
    ('headers that come twice', {}, answer('1', None, '200 OK', 'X-A: 1\r\nX-A: 2\r\nx-b: 3\r\n')),
    ('cookies', {}, answer('1', None, '200 OK', 'Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; Max-Age=0\r\nSet-Cookie: c="3"\r\n')),
    ('parameters', {'params': {'a': 1, 'b': [1, 'x y'], 'c': None, 'd': True, 'e': '\u00e9&='}}, JSON),
    ('parameters as a text', {'params': 'a=1&b=x'}, JSON),
    ('no parameters', {'params': {}}, JSON),
    ('a list of parameters', {'params': [['a', 1], ['a', 2]]}, JSON),
    ('a method', {'method': 'post'}, JSON),
    ('a body', {'method': 'POST', 'body': 'text \u00e9'}, JSON),
    ('a dictionary as a body', {'method': 'POST', 'body': {'a': [1, None, '\u00e9']}}, JSON),
    ('an empty dictionary as a body', {'method': 'POST', 'body': {}, 'json': {'b': 1}}, JSON),
    ('a list as a body', {'method': 'POST', 'body': [['a', 'x y'], ['b', 2]]}, JSON),
    ('an empty body', {'method': 'POST', 'body': ''}, JSON),
    ('json to send', {'method': 'PUT', 'json': {'a': [1, None, True, '\u00e9']}}, JSON),
    ('a list to send', {'method': 'PUT', 'json': [1]}, JSON),
    ('false to send', {'method': 'PUT', 'json': False}, JSON),
    ('a type of its own', {'method': 'PUT', 'json': 1, 'headers': {'content-type': 'x/y'}}, JSON),
    ('headers', {'headers': {'X-Number': 5, 'X-True': True, 'X-None': None, 'X-Text': 'a b'}}, JSON),
    ('cookies to send', {'cookies': {'a': '1', 'b': 'x'}}, JSON),
    ('a login', {'auth': 'user:pass'}, JSON),
    ('a login over a header', {'auth': 'user:pass', 'headers': {'Authorization': 'Bearer x'}}, JSON),
    ('a header alone', {'headers': {'Authorization': 'Bearer x'}}, JSON),
    ('a login that is none', {'auth': 'token'}, JSON),
    ('a login with an empty password', {'auth': 'user:'}, JSON),
    ('delete', {'method': 'DELETE'}, JSON),
    ('head', {'method': 'HEAD'}, b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n'),
    ('too large', {}, b'HTTP/1.1 200 OK\r\nContent-Length: 1000001\r\nConnection: close\r\n\r\n'),
    ('no answer', {}, b''),
    ('no scheme', {'url': 'PLACE/x'}, JSON),
    ('another scheme', {'url': 'ftp://PLACE/x'}, JSON),
    ('a query already', {'url': 'http://PLACE/a%20b?x=1', 'params': {'y': 2}}, JSON),
    ('a path with blanks', {'url': 'http://PLACE/a b/\u00e9'}, JSON),
    ('a fragment', {'url': 'http://PLACE/a#b'}, JSON),
]


def serve(response, seen):
    listener = socket.socket()
    listener.bind(('127.0.0.1', 0))
    listener.listen(1)
    listener.settimeout(5)

    def once():
        try:
            peer, _ = listener.accept()
        except OSError:
            return
        data = b''
        while b'\r\n\r\n' not in data:
            piece = peer.recv(65536)
            if not piece:
                break
            data += piece
        head, _, body = data.partition(b'\r\n\r\n')
        lines = head.decode('latin1').split('\r\n')
        headers = dict((line.split(': ', 1)[0].lower(), line.split(': ', 1)[1]) for line in lines[1:])
        while len(body) < int(headers.get('content-length', 0)):
            body += peer.recv(65536)
        seen.update(line=lines[0], body=body.decode('utf-8'),
                    headers={k: v for k, v in headers.items()
                             if k not in ('host', 'user-agent', 'accept-encoding', 'accept', 'connection', 'content-length')})
        peer.sendall(response)
        peer.close()

    thread = threading.Thread(target=once)
    thread.start()
    return listener, thread


def text(value):
    return value.decode('utf-8', 'replace') if isinstance(value, bytes) else value


def main():
    recorded = []
    context = types.SimpleNamespace(execution=types.SimpleNamespace(action_execution_id='x'))
    for name, given, response in CASES:
        seen = {}
        listener, thread = serve(response, seen)
        place = '127.0.0.1:%d' % listener.getsockname()[1]
        case = {'name': name, 'input': {'url': 'http://PLACE/', **given},
                'response': response.decode('latin1')}
        params = json.loads(json.dumps(case['input']).replace('PLACE', place))
        try:
            result = std_actions.HTTPAction(**params).run(context)
            kind = 'result'
            if hasattr(result, 'error'):
                kind, result = 'error', result.error
            result = {k: text(v) for k, v in result.items() if k != 'elapsed'}
            case['outcome'] = {kind: json.loads(json.dumps(result).replace(place, 'PLACE'))}
        except Exception as e:
            case['failure'] = str(e).replace(place, 'PLACE')
        if seen:
            case['request'] = json.loads(json.dumps(seen).replace(place, 'PLACE'))
        listener.close()
        thread.join()
        recorded.append(case)
    json.dump(recorded, sys.stdout, indent=1)
    print()


main()
