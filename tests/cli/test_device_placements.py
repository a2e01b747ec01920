"""On a device, placements give the bits of the whole table in its memory, and host-only runs refuse VRAM tiers."""
import json
import os
import subprocess
import sys
import tempfile

program = sys.argv[1]
data = 'tests/golden/data/logits/tiny-q4_k'


def run(*words):
    return subprocess.run([program, *words], capture_output=True, text=True)


with tempfile.TemporaryDirectory() as folder:
    out = os.path.join(folder, 'logits')

    def logits(placement, *options):
        return run('logits', data + '.gguf', '--tokens', data + '.tokens', '--out', out, '--placement', placement, *options)

    refused = logits('vram')
    assert refused.returncode == 2 and '--backend opencl' in refused.stderr, refused
    if len(json.loads(run('devices', '--json').stdout)['backends']) == 1:
        print('no device here: only the refusal was tested')
        sys.exit(0)

    bits = {}
    for placement in ('vram', 'ram', 'nvme', 'nvme+ram:40rows:lru+vram:8rows:fifo',
                      'nvme+vram:16rows:lru,prefetch=prompt', 'ram+vram:4rows:sieve',
                      'nvme+ram:40rows:lru+vram:8rows:lru,inclusion=exclusive'):
        done = logits(placement, '--backend', 'opencl', '--chunk', '16')
        assert done.returncode == 0, (placement, done.stderr)
        bits[placement] = open(out, 'rb').read()
    for placement, got in bits.items():
        assert got == bits['vram'], placement + ' differs from vram'
print(len(bits), 'placements, equal bits')
