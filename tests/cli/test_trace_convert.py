"""A converted trace, read by an independent implementation of LRU and of the optimum, agrees with our own counts; and every
format comes back."""
import heapq, json, os, struct, subprocess, sys, tempfile
from collections import OrderedDict

program = sys.argv[1]
TRACE = 'traces/data/humaneval.jsonl.zst'


def run(*arguments, ok=True):
    result = subprocess.run([program, *arguments], capture_output=True, text=True)
    assert (result.returncode == 0) == ok, result.stderr
    return result.stdout if ok else result.stderr.strip()


def requests(path):
    raw = subprocess.run(['zstd', '-dc', path], capture_output=True).stdout if path.endswith('.zst') else open(path, 'rb').read()
    lines = [json.loads(line) for line in raw.splitlines()]
    return lines[0], lines[1:]


def oracle(path):
    return list(struct.iter_unpack('<IQIq', open(path, 'rb').read()))


def lru_misses(objects, capacity):
    cache, misses = OrderedDict(), 0
    for o in objects:
        if o in cache:
            cache.move_to_end(o)
            continue
        misses += 1
        if len(cache) == capacity:
            cache.popitem(last=False)
        cache[o] = True
    return misses


def optimal_misses(records, capacity):
    """Belady's rule from the file's own next-access field."""
    due, heap, misses = {}, [], 0
    for _, o, _, next_access in records:
        when = next_access if next_access >= 0 else 1 << 62
        if o not in due:
            misses += 1
            if len(due) == capacity:
                while True:
                    far, victim = heapq.heappop(heap)
                    if due.get(victim) == -far:
                        break
                del due[victim]
        due[o] = when
        heapq.heappush(heap, (-when, o))
    return misses


with tempfile.TemporaryDirectory() as folder:
    at = lambda name: os.path.join(folder, name)
    header, wanted = requests(TRACE)

    run('trace', 'convert', TRACE, at('t.oracle'), '--to', 'oracle', '--row-bytes', '9520')
    records = oracle(at('t.oracle'))
    objects = [token for r in wanted for token in r['prompt'] + r['output']]
    assert [r[1] for r in records] == objects
    assert {r[2] for r in records} == {9520}
    last = {}
    for i in reversed(range(len(records))):
        assert records[i][3] == last.get(records[i][1], -1)
        last[records[i][1]] = i
    for capacity in (16, 300, 1500):
        counted = json.loads(run('simulate', '--json', '--trace', TRACE, '--placement', f'nvme+ram:{capacity}rows:lru'))[0]
        assert counted['levels'][0]['misses'] == lru_misses(objects, capacity), capacity
    assert optimal_misses(records, 300) < lru_misses(objects, 300)

    run('trace', 'convert', at('t.oracle'), at('rows.jsonl'), '--from', 'oracle')
    access_header, accesses = requests(at('rows.jsonl'))
    assert [row for r in accesses for rows in r['rows'] for row in rows] == objects
    assert [len(r['rows']) for r in accesses] == [len(r['prompt'] + r['output']) for r in wanted]
    counted = json.loads(run('simulate', '--json', '--trace', at('rows.jsonl'), '--placement', 'nvme+ram:300rows:lru'))[0]
    assert counted['levels'][0]['misses'] == lru_misses(objects, 300)
    run('trace', 'convert', at('rows.jsonl'), at('again.oracle'), '--to', 'oracle', '--row-bytes', '9520')
    assert oracle(at('again.oracle')) == records

    run('trace', 'convert', TRACE, at('t.csv.zst'), '--to', 'csv')
    run('trace', 'convert', at('t.csv.zst'), at('csv.jsonl.zst'), '--from', 'csv', '--name', 'back', '--vocab-size', '262144')
    back_header, back = requests(at('csv.jsonl.zst'))
    assert back == wanted
    assert back_header['name'] == 'back' and back_header['unique_tokens'] == header['unique_tokens']

    run('trace', 'convert', TRACE, at('t.ids'), '--to', 'ids')
    run('trace', 'convert', at('t.ids'), at('ids.jsonl'), '--from', 'ids')
    assert [r['prompt'] for r in requests(at('ids.jsonl'))[1]] == [r['prompt'] + r['output'] for r in wanted]

    run('trace', 'convert', TRACE, at('n.oracle'), '--to', 'oracle', '--addressing', 'ngram:qwen4-exp:vocab=262144:eos=1')
    assert len(oracle(at('n.oracle'))) == 16 * len(objects)

    def refused(name, content, fmt, expect):
        open(at(name), 'wb').write(content)
        message = run('trace', 'convert', at(name), at('x.jsonl'), '--from', fmt, ok=False)
        assert expect in message and '\n' not in message, message

    refused('cut.oracle', open(at('t.oracle'), 'rb').read()[:100], 'oracle', 'within a record')
    refused('back.oracle', struct.pack('<IQIq', 5, 1, 1, -1) + struct.pack('<IQIq', 4, 1, 1, -1), 'oracle', 'back in time')
    refused('bad.ids', b'1 2 x\n', 'ids', "'x' is not an id")
    refused('bad.csv', b'a,b\n', 'csv', 'not a CSV')
    refused('mixed.csv', b'request,part,token,arrival_s\na,prompt,1,\na,output,2,\na,prompt,3,\n', 'csv', 'mixed up')
    refused('empty.ids', b'', 'ids', 'no request')
    assert 'two steps' in run('trace', 'convert', TRACE, at('x'), ok=False)
    assert "'oracle'" in run('trace', 'convert', TRACE, at('x'), '--to', 'orcale', ok=False)
