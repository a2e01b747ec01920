"""Batched replay of arriving requests through the decoder, and its schedule in simulate."""
import json, os, subprocess, sys, tempfile

program = sys.argv[1]
MODEL = 'tests/golden/data/logits/micro-f32.gguf'
VOCABULARY = 300


def run(*arguments, ok=True):
    result = subprocess.run([program, *arguments], capture_output=True, text=True)
    assert (result.returncode == 0) == ok, (arguments, result.stderr)
    return result.stdout if ok else result.stderr.strip()


with tempfile.TemporaryDirectory() as folder:
    at = lambda name: os.path.join(folder, name)
    with open(at('t.jsonl'), 'w') as f:
        f.write(json.dumps({'tierscope_trace': 1, 'name': 'small', 'vocab_size': VOCABULARY, 'tokenizer': 't', 'license': 'none'}) + '\n')
        for i in range(8):
            tokens = [(7 * i + 11 * j * j) % VOCABULARY for j in range(30 + i)]
            f.write(json.dumps({'id': str(i), 'prompt': tokens[:20 + i], 'output': tokens[20 + i:], 'arrival_s': 0.0001 * i}) + '\n')

    for compute in ('none', 'real'):
        replayed = json.loads(run('replay', MODEL, '--json', '-q', '--trace', at('t.jsonl'), '--placement', 'nvme+ram:40rows:lru',
                                  '--compute', compute, '--max-batch', '3', '--chunk', '8', '--threads', '1', '--schedule', at('s.jsonl')))[0]
        assert replayed['requests'] == 8 and replayed['ttft_ms']['samples'] == 8
        steps = [json.loads(line) for line in open(at('s.jsonl'))][1:]
        assert len(steps) == replayed['steps'] and max(len(step) - 1 for step in steps) <= 3
        counted = json.loads(run('simulate', '--json', '--trace', at('t.jsonl'), '--rows', str(VOCABULARY), '--placement',
                                 'nvme+ram:40rows:lru', '--schedule', at('s.jsonl')))[0]
        assert counted['levels'][0]['hits'] == replayed['levels'][0]['hits']
        assert counted['backing']['reads'] == replayed['backing']['reads']
    assert any(len(step) > 2 for step in steps), 'no step held two sequences'

    # Predictions for the same arrivals: deterministic, with the queue in TTFT, and refused where time would have to be guessed.
    predict = ('simulate', '--json', '--trace', at('t.jsonl'), '--model', MODEL, '--device', 'phone-ufs4', '--placement',
               'nvme+ram:40rows:lru', '--chunk', '8')
    one, three = (json.loads(run(*predict, '--max-batch', n))[0] for n in '13')
    assert json.loads(run(*predict, '--max-batch', '3'))[0]['ttft_ms'] == three['ttft_ms']
    assert one['requests'] == three['requests'] == 8 and one['output_tokens'] == three['output_tokens'] == 80
    assert three['ttft_ms']['mean'] < one['ttft_ms']['mean'] and three['steps'] < one['steps']
    priced = json.loads(run(*predict, '--schedule', at('s.jsonl')))[0]
    assert priced['backing']['reads'] == replayed['backing']['reads'] and priced['steps'] == replayed['steps']
    assert json.loads(run(*predict, '--max-batch', '3', '--kv-budget', '1GiB'))[0]['ttft_ms'] == three['ttft_ms']
    assert '--kv-budget' in run(*predict, '--kv-budget', '10', ok=False)
    counting = ('simulate', '--trace', at('t.jsonl'), '--placement', 'ram', '--rows', str(VOCABULARY))
    assert 'depends on time' in run(*counting, '--max-batch', '2', ok=False)
    assert 'model file' in run(*counting, '--device', 'phone-ufs4', '--kv-budget', '1GiB', ok=False)

    base = ('replay', MODEL, '--trace', at('t.jsonl'), '--compute', 'none', '--placement', 'ram')
    assert '--kv-budget' in run(*base, '--kv-budget', '1', ok=False)
    assert '--max-batch' in run(*base, '--max-batch', '0', ok=False)
    assert 'one placement' in run(*base, '--placement', 'nvme', '--schedule', at('s.jsonl'), ok=False)
    other = open(at('t.jsonl')).read().replace('"small"', '"other"')
    open(at('o.jsonl'), 'w').write(other)
    assert 'written for trace' in run('simulate', '--trace', at('o.jsonl'), '--placement', 'ram', '--rows', str(VOCABULARY),
                                      '--schedule', at('s.jsonl'), ok=False)
    # A trace of a larger vocabulary names rows that this model's table lacks; one whose times go back is no arrival trace.
    foreign = open(at('t.jsonl')).read().replace('"prompt": [0, ', '"prompt": [5000, ').replace(f'"vocab_size": {VOCABULARY}', '"vocab_size": 9000')
    open(at('f.jsonl'), 'w').write(foreign)
    for words in (('replay', MODEL, '--compute', 'none'), ('simulate', '--model', MODEL), ('simulate', '--model', MODEL, '--device', 'phone-ufs4')):
        assert 'asks for row 5000' in run(*words, '--trace', at('f.jsonl'), '--placement', 'ram', ok=False), words
    back = open(at('t.jsonl')).read().replace('"arrival_s": 0.0007', '"arrival_s": 0.0001')
    open(at('b.jsonl'), 'w').write(back)
    assert 'back in time' in run('replay', MODEL, '--trace', at('b.jsonl'), '--placement', 'ram', '--compute', 'none', ok=False)
    short = run('simulate', '--trace', at('t.jsonl'), '--placement', 'ram', '--rows', str(VOCABULARY), '--requests', '4',
                '--schedule', at('s.jsonl'), ok=False)
    assert 'not next' in short, short
