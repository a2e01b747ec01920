#!/usr/bin/python3
"""logits: exact values in both modes, equal bits under every placement, and one-line errors for bad input."""
import array, json, os, subprocess, sys, tempfile

program, data = sys.argv[1], 'tests/golden/data/logits/'
folder = tempfile.TemporaryDirectory()
out = folder.name + '/out'


def run(model, *options, tokens=None):
    tokens = tokens or f'{data}{model}.tokens'
    return subprocess.run([program, 'logits', f'{data}{model}.gguf', '--tokens', tokens, '--out', out, *options],
                          capture_output=True, text=True)


def logits(model, *options):
    done = run(model, *options)
    assert done.returncode == 0, done.stderr
    with open(out, 'rb') as file:
        return file.read()


def floats(content):
    values = array.array('f')
    values.frombytes(content)
    return values


def nmse(got, exact):
    assert len(got) == len(exact)
    return sum((a - b) ** 2 for a, b in zip(got, exact)) / sum(b * b for b in exact)


for model, bound in (('micro-f32', 1e-8), ('nople-f32', 1e-8), ('tiny-q4_k', 1.5 * 0.001597)):
    exact = floats(open(f'{data}{model}.logits.f32', 'rb').read())
    for options in ([], ['--mode', 'decode'], ['--chunk', '7', '--threads', '1']):
        error = nmse(floats(logits(model, *options)), exact)
        assert error <= bound, (model, options, error)

expected = logits('tiny-q8_0', '--placement', 'ram', '--chunk', '16')
for placement in ('nvme', 'nvme+ram:4rows:lru', 'nvme+ram:20%:fifo,prefetch=overlap', 'nvme,access=pread',
                  'nvme+ram:4rows:lru,unit=page'):
    assert logits('tiny-q8_0', '--placement', placement, '--chunk', '16') == expected, placement

result = json.loads(run('micro-f32', '--json').stdout)
assert result['tokens'] == 48 and result['vocab'] == 300 and result['parts_s']['ffn'] > 0, result


def refused(text, code, *options, content=None, model='micro-f32'):
    tokens = None
    if content is not None:
        tokens = folder.name + '/tokens'
        with open(tokens, 'w') as file:
            file.write(content)
    if os.path.exists(out):
        os.unlink(out)
    done = run(model, *options, tokens=tokens)
    assert done.returncode == code and text in done.stderr and done.stderr.count('\n') == 1, (done, text)
    assert not os.path.exists(out), 'partial output'


refused("entry 3: '300' is no token id below 300", 1, content='2 5\n300')
refused("'x7'", 1, content='2 x7')
refused('holds no token id', 1, content=' \n')
refused("'prefill'", 2, '--mode', 'prefil')
refused('--ctx', 2, '--ctx', '47')
refused('--chunk', 2, '--chunk', '0')
refused('--threads', 2, '--threads', '0')
refused('No such file', 1, model='nowhere')
refused('lru', 2, '--placement', 'nvme+ram:4rows:lur')
