"""Texts, chat logs and arrivals become traces; broken inputs are refused in one line."""
import json, os, subprocess, sys, tempfile

program = sys.argv[1]
MODEL = 'tests/golden/data/tokenizer/small-gemma4.gguf'
ARRIVALS = 'traces/data/arrivals/azure_2023_conv.csv.zst'
BOS, END_OF_TURN = 2, 6


def run(*arguments, ok=True):
    result = subprocess.run([program, *arguments], capture_output=True, text=True)
    assert (result.returncode == 0) == ok, (arguments, result.stderr)
    return result.stdout if ok else result.stderr.strip()


def load(path):
    raw = subprocess.run(['zstd', '-dcf', path], capture_output=True).stdout
    lines = [json.loads(line) for line in raw.splitlines()]
    return lines[0], lines[1:]


def ids(text):
    return list(map(int, run('tokenize', MODEL, '--text', text).split()))


with tempfile.TemporaryDirectory() as folder:
    at = lambda name: os.path.join(folder, name)

    def write(name, content):
        with open(at(name), 'wb') as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        return at(name)

    text = 'Hello world, this is a text.\nIt goes on for a while. ' * 20
    run('trace', 'record', at('t.jsonl.zst'), '--model', MODEL, '--input', write('a.txt', text), '--license', 'MIT',
        '--source', 'here', '--piece-tokens', '50', '--output-tokens', '10')
    header, requests = load(at('t.jsonl.zst'))
    assert (header['license'], header['source'], header['vocab_size']) == ('MIT', 'here', 7629)
    assert header['tokenizer'].startswith('Gemma vocabulary')
    assert [t for r in requests for t in r['prompt'][1:] + r['output']] == ids(text)
    assert all(r['prompt'][0] == BOS and len(r['prompt']) + len(r['output']) <= 50 for r in requests)
    assert all(len(r['output']) == 10 for r in requests[:-1])

    openai = {'id': 'o', 'messages': [{'role': 'system', 'content': 'Be kind.'}, {'role': 'user', 'content': 'Hi'},
                                      {'role': 'assistant', 'content': 'Hello.'},
                                      {'role': 'user', 'content': [{'type': 'text', 'text': 'And'}]},
                                      {'role': 'assistant', 'content': 'So.'}]}
    sharegpt = {'id': 's', 'conversations': [{'from': 'human', 'value': 'Hi'}, {'from': 'gpt', 'value': 'Hello.'}]}
    run('trace', 'record', at('c.jsonl'), '--model', MODEL, '--input',
        write('c1.jsonl', json.dumps(openai) + '\n\n' + json.dumps(sharegpt) + '\n'), '--input',
        write('c2.json', json.dumps([sharegpt], indent=1)))
    header, requests = load(at('c.jsonl'))
    assert [r['id'] for r in requests] == ['o#2', 'o#4', 's#1', 's#1']
    turn = lambda role, text: f'<start_of_turn>{role}\n{text}<end_of_turn>\n'
    first = turn('user', 'Be kind.\n\nHi')
    assert requests[0]['prompt'] == [BOS] + ids(first + '<start_of_turn>model\n')
    assert requests[0]['output'] == ids('Hello.') + [END_OF_TURN]
    assert requests[1]['prompt'] == [BOS] + ids(first + turn('model', 'Hello.') + turn('user', 'And') + '<start_of_turn>model\n')

    # Invalid UTF-8 and a huge line are texts like any other.
    run('trace', 'record', at('odd.jsonl'), '--model', MODEL, '--input', write('odd.txt', b'\xff\xfe ok \x80' + b'x' * 1000000))
    assert json.loads(run('trace', 'info', '--json', '--trace', at('odd.jsonl')))['prompt_tokens'] > 1000

    run('trace', 'compose', at('arrivals.jsonl'), '--trace', 'traces/data/mt_bench.jsonl.zst', '--arrivals', ARRIVALS,
        '--requests', '50')
    header, requests = load(at('arrivals.jsonl'))
    rows = subprocess.run(['zstd', '-dc', ARRIVALS], capture_output=True, text=True).stdout.splitlines()[1:51]
    wanted = [tuple(map(int, row.split(',')[1:])) for row in rows]
    assert [(len(r['prompt']), len(r['output'])) for r in requests] == wanted
    seconds = lambda row: sum(float(x) * f for x, f in zip(row.split(',')[0].split()[1].split(':'), (3600, 60, 1)))
    assert all(abs(r['arrival_s'] - (seconds(row) - seconds(rows[0]))) < 1e-4 for r, row in zip(requests, rows))
    assert 'joined and cut' in header['description'] and 'CC-BY-4.0' in header['license']
    assert all(r['prompt'][0] == BOS for r in requests)
    run('trace', 'compose', at('short.jsonl'), '--trace', 'traces/data/mt_bench.jsonl.zst', '--arrivals', ARRIVALS,
        '--requests', '50', '--ctx', '256', '--speed', '10')
    _, short = load(at('short.jsonl'))
    assert all(len(r['prompt']) + len(r['output']) == min(256, sum(w)) for r, w in zip(short, wanted))
    assert abs(short[-1]['arrival_s'] * 10 - requests[-1]['arrival_s']) < 1e-6

    def refused(expect, *arguments):
        message = run('trace', *arguments, ok=False)
        assert expect in message and '\n' not in message, message

    def record(expect, name, content, *more):
        refused(expect, 'record', at('x.jsonl'), '--model', MODEL, '--input', write(name, content), *more)

    record("'messages'", 'mixed.jsonl', json.dumps(openai) + '\n' + json.dumps({'prompt': [1]}) + '\n')
    record(':2', 'mixed.jsonl', json.dumps(openai) + '\n' + json.dumps({'prompt': [1]}) + '\n')
    record('not JSON', 'text.jsonl', 'Once upon a time\n')
    record('not JSON', 'invalid.jsonl', b'{"messages": [{"role": "user", "content": "\xff"}]}\n')
    record("unknown role 'alien'", 'role.jsonl', json.dumps({'messages': [{'role': 'alien', 'content': 'x'}]}))
    record('nothing was recorded', 'empty.txt', '')
    record("'text'", 'a.txt', 'x', '--kind', 'txet')
    empty_gguf = b'GGUF' + (3).to_bytes(4, 'little') + bytes(16)
    refused('no vocabulary', 'record', at('x.jsonl'), '--model', write('none.gguf', empty_gguf), '--input', at('a.txt'))
    refused('no turn markers', 'record', at('x.jsonl'), '--model', 'tests/golden/data/logits/micro-f32.gguf', '--input',
            at('c1.jsonl'))

    def compose(expect, content):
        refused(expect, 'compose', at('x.jsonl'), '--trace', 'traces/data/mt_bench.jsonl.zst', '--arrivals', write('a.csv', content))

    compose('goes back in time', 'TIMESTAMP,ContextTokens,GeneratedTokens\n5,1,1\n4,1,1\n')
    compose(':3', 'TIMESTAMP,ContextTokens,GeneratedTokens\n5,1,1\n4,1,1\n')
    compose("'ContextTokens' is missing", 'TIMESTAMP,Context,GeneratedTokens\n5,1,1\n')
    compose("'soon' is not a time", 'TIMESTAMP,ContextTokens,GeneratedTokens\nsoon,1,1\n')
    compose("'-1' is not a number", 'TIMESTAMP,ContextTokens,GeneratedTokens\n5,-1,1\n')
    compose('no arrival', 'TIMESTAMP,ContextTokens,GeneratedTokens\n')

    back = write('back.jsonl', json.dumps({'tierscope_trace': 1, 'name': 'x', 'vocab_size': 9, 'tokenizer': 't', 'license': 'l'})
                 + '\n' + ''.join(json.dumps({'id': str(s), 'prompt': [1], 'output': [], 'arrival_s': s}) + '\n' for s in (2, 1)))
    refused('goes back in time', 'info', '--trace', back)
