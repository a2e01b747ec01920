"""Text out of a model: seeded, streamed, stopping where it should, the same under every placement; and verify."""
import json, os, subprocess, sys, tempfile

program = sys.argv[1]
MODEL = 'tests/golden/data/logits/micro-f32.gguf'


def run(*arguments, ok=True, stdin=''):
    threads = ['--threads', '1'] if arguments[0] in ('generate', 'verify') else []
    result = subprocess.run([program, *arguments, *threads], capture_output=True, text=True, errors='replace', input=stdin)
    assert (result.returncode == 0) == ok, (arguments, result.stderr)
    return result


def answer(*arguments):
    return json.loads(run('generate', MODEL, '--json', '-q', '--prompt', 'Hello', *arguments).stdout)


greedy = answer('--max-tokens', '12')
assert greedy['stopped'] in ('--max-tokens', 'end of turn') and len(greedy['output']) <= 12
assert greedy['prompt'][0] == 2, 'BOS'
assert answer('--max-tokens', '12')['output'] == greedy['output']
for placement in ('ram', 'nvme', 'nvme+ram:8rows:fifo,prefetch=overlap', 'nvme,access=mmap'):
    placed = answer('--max-tokens', '12', '--placement', placement)
    assert placed['output'] == greedy['output'], placement
    assert placed['placement'] == placement
tiers = answer('--max-tokens', '12', '--placement', 'nvme+ram:8rows:lru')['tiers']
assert tiers[0]['hits'] + tiers[0]['misses'] == len(greedy['prompt']) + len(greedy['output']) - 1
assert 0 < tiers[1]['reads'] <= tiers[0]['misses'], tiers

# A packed placement reads the packed table: refused while there is none, the same text once there is.
with tempfile.TemporaryDirectory() as folder:
    model, packed = folder + '/m.gguf', 'nvme,layout=packed'
    run('synth', 'tiny', model)
    words = ['generate', model, '--json', '-q', '--prompt', 'Hello', '--max-tokens', '5', '--placement']
    assert 'm.packed' in run(*words, packed, ok=False).stderr
    run('pack', model, folder + '/m.packed')
    assert json.loads(run(*words, packed).stdout)['output'] == json.loads(run(*words, 'nvme').stdout)['output']

# The logits after the prompt decide the first token: as the recorded trace replays.
drawn = answer('--max-tokens', '30', '--temperature', '1.5', '--seed', '5')
assert drawn['output'] == answer('--max-tokens', '30', '--temperature', '1.5', '--seed', '5')['output']
assert drawn['output'] != answer('--max-tokens', '30', '--temperature', '1.5', '--seed', '6')['output']
assert answer('--max-tokens', '30', '--temperature', '1.5', '--top-k', '1')['output'] == answer('--max-tokens', '30')['output']

full = answer('--max-tokens', '500', '--ctx', '20', '--temperature', '2')
assert full['stopped'] in ('context full', 'end of turn') and len(full['prompt']) + len(full['output']) <= 20

streamed = run('generate', MODEL, '--prompt', 'Hello', '--max-tokens', '12')
readable = lambda text: text.replace('\ufffd', '')
assert readable(streamed.stdout) == readable(greedy['text'] + '\n')
last = streamed.stderr.strip().splitlines()[-1]
assert 'ttft' in last and 'tpot' in last and 'ram lru' in last and 'nvme' in last, last

with tempfile.TemporaryDirectory() as folder:
    trace = os.path.join(folder, 'said.jsonl')
    chat = json.loads(run('generate', MODEL, '--json', '-q', '--max-tokens', '5', '--record', trace, '--license', 'CC0',
                          stdin='Hello\nAgain\n').stdout)
    lines = [json.loads(line) for line in open(trace)]
    assert lines[0]['license'] == 'CC0' and lines[0]['vocab_size'] == 300
    assert [r['output'] for r in lines[1:]] == [a['output'] for a in chat] and len(chat) == 2
    assert lines[1]['prompt'] == chat[0]['prompt']
    assert lines[2]['prompt'] == chat[0]['prompt'] + chat[0]['output'][:-1] + chat[1]['prompt']

verified = json.loads(run('verify', MODEL, '--json').stdout)
assert verified['passed'] and len(verified['checks']) >= 10
assert any('mmap' in check['name'] for check in verified['checks'])

with tempfile.TemporaryDirectory() as folder:
    # A table whose scales are not numbers.
    broken = os.path.join(folder, 'broken.gguf')
    data = bytearray(open(MODEL, 'rb').read())
    data[-4096:] = b'\xff' * 4096
    open(broken, 'wb').write(data)
    message = run('verify', broken, ok=False)
    assert 'a check failed' in message.stderr and 'FAILED' in message.stdout, message

for expect, arguments in (("'lru'", ['--placement', 'nvme+ram:8rows:lur']), ('leaves no room', ['--ctx', '3']),
                          ('at least one token', ['--max-tokens', '0']), ('temperature', ['--temperature', '-1']),
                          ('top-p', ['--top-p', '0'])):
    message = run('generate', MODEL, '--prompt', 'Hello', *arguments, ok=False).stderr.strip()
    assert expect in message and '\n' not in message, message
for command in (['generate', '--prompt', 'x'], ['tokenize', '--text', 'x']):
    message = run(command[0], 'README.md', *command[1:], ok=False).stderr.strip()
    assert '\n' not in message and 'README.md' in message, message
