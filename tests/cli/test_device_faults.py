"""Devices from outside: no device, too little memory, the second of two, and the same text on a device as on the host."""
import json
import os
import subprocess
import sys
import tempfile

program = sys.argv[1]
DATA = 'tests/golden/data/logits/tiny-q4_k'
MODEL = DATA + '.gguf'


def run(*words, **environment):
    return subprocess.run([program, *words], capture_output=True, text=True, env={**os.environ, **environment})


def refused(*words, **environment):
    done = run(*words, **environment)
    assert done.returncode in (1, 2), (words, done)
    assert len(done.stderr.strip().splitlines()) == 1 and not done.stdout, (words, done)
    return done.stderr


with tempfile.TemporaryDirectory() as folder:
    out = os.path.join(folder, 'logits')
    logits = ('logits', MODEL, '--tokens', DATA + '.tokens', '--out', out)
    gone = {'OCL_ICD_VENDORS': '/nonexistent'}

    # A device that was listed and is there no more: named, it is an error; any device, the CPU computes and says so once.
    assert len(json.loads(run('devices', '--json', **gone).stdout)['backends']) == 1
    for words in (logits, ('verify', MODEL)):
        assert 'no opencl device is here' in refused(*words, '--backend', 'opencl:0', **gone), words
    assert 'no opencl device is here' in refused(*logits, '--placement', 'vram', '--backend', 'opencl', **gone)
    on_host = run(*logits, '--backend', 'opencl', '--json', **gone)
    assert on_host.returncode == 0 and len(on_host.stderr.strip().splitlines()) == 1, on_host
    assert json.loads(on_host.stdout)['backend'] == 'host (no opencl device)'
    expected = open(out, 'rb').read()
    assert run(*logits).returncode == 0 and open(out, 'rb').read() == expected
    assert "'opencl'" in refused(*logits, '--backend', 'opencll')

    backends = json.loads(run('devices', '--json').stdout)['backends']
    if len(backends) == 1:
        print('no device here: only its absence was tested')
        sys.exit(0)
    assert 'numbered from 0' in refused(*logits, '--backend', 'opencl:99')
    message = refused(*logits, '--backend', 'opencl', '--ctx', '2000000000')
    assert 'KV cache' in message and 'are free' in message, message

    micro = 'tests/golden/data/logits/micro-f32.gguf'
    words = ('generate', micro, '--json', '-q', '--prompt', 'Hello', '--max-tokens', '8', '--threads', '1')
    host = json.loads(run(*words).stdout)
    for placement in ('nvme+ram:8rows:lru', 'vram', 'nvme+ram:12rows:lru+vram:6rows:lru'):
        done = run(*words, '--backend', 'opencl:0', '--placement', placement)
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert said['output'] == host['output'], placement
        assert said['backend'].startswith('opencl:0 ('), said['backend']
    assert "--backend opencl" in refused(*words, '--placement', 'vram')
    verified = json.loads(run('verify', micro, '--backend', 'opencl', '--json').stdout)
    assert verified['passed'] and any(check['name'] == 'bits under vram' for check in verified['checks'])

    trace = os.path.join(folder, 't.jsonl')
    with open(trace, 'w') as file:
        file.write(json.dumps({'tierscope_trace': 1, 'name': 't', 'vocab_size': 300, 'tokenizer': 't', 'license': 'none'}) + '\n')
        file.write(json.dumps({'id': '0', 'prompt': [7 * i * i % 300 for i in range(40)], 'output': list(range(8))}) + '\n')
    measured = json.loads(run('replay', micro, '--trace', trace, '--backend', 'opencl', '--json', '-q', '--chunk', '8', '--placement',
                              'nvme+ram:30rows:lru+vram:10rows:lru').stdout)[0]
    device = measured['compute_device']
    assert device['name'] == backends[1]['name'] and device['unified_memory'] == backends[1]['unified_memory']
    copies = measured['vram']
    top = measured['levels'][0]
    assert top['tier'] == 'vram' and copies['host_to_device_rows'] <= top['misses']
    assert copies['host_to_device_bytes'] % copies['host_to_device_rows'] == 0
    assert 0 <= copies['host_to_device_hidden_seconds'] <= copies['host_to_device_seconds'] * 1.001, copies
    if device['name'].startswith('PoCL'):
        assert device['unified_memory'] and 'PoCL' in measured['backend']
        # PoCL makes as many devices as it is told to.
        two = {'POCL_DEVICES': 'pthread basic'}
        if len(json.loads(run('devices', '--json', **two).stdout)['backends']) == 3:
            bits = []
            for number in '01':
                done = run(*logits, '--backend', 'opencl:' + number, '--placement', 'nvme+vram:8rows:lru', **two)
                assert done.returncode == 0, done.stderr
                bits.append(open(out, 'rb').read())
            assert bits[0] == bits[1]
            assert '2 device(s)' in refused(*logits, '--backend', 'opencl:2', **two)
print('ok')
