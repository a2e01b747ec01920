"""compare-fio.sh --ngram: an n-gram table's rows as `replay` reads them, in turns with fio.

usage: compare_fio_ngram.py TABLE.gguf TRACE [SECONDS [ROUNDS]]; prints a line for each and, with COMPARE_JSON=FILE set,
writes every sample there.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
PROGRAM = os.environ.get("TIERSCOPE", os.path.join(ROOT, "build/release/tierscope"))
PLACEMENTS = ("nvme", "nvme,unit=page")
CHUNK = 2048


def program(*words):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"compare-fio: {done.stderr.strip()}")
    return done.stdout


def write_traces(trace, folder, prefill_tokens, decode_tokens):
    """The same tokens twice: as prompts with one token of output, and as outputs after a prompt of one token."""
    reader = ["zstd", "-dc", trace] if trace.endswith(".zst") else ["cat", trace]
    text = subprocess.Popen(reader, stdout=subprocess.PIPE, text=True, errors="replace")
    header = json.loads(text.stdout.readline())
    prompts, outputs, tokens = [], [], []
    for line in text.stdout:
        request = json.loads(line)
        tokens += request["prompt"] + request["output"]
        if len(tokens) > prefill_tokens + decode_tokens:
            break
    text.stdout.close()
    text.wait()
    if len(tokens) < 2 * CHUNK + 2:
        sys.exit(f"compare-fio: {trace}: too short; take one of at least {2 * CHUNK + 2} tokens")
    decode_tokens = min(decode_tokens, len(tokens) // 4)
    rest = tokens[decode_tokens:]
    for first in range(0, len(rest) - CHUNK, CHUNK):
        prompts.append({"id": str(first), "prompt": rest[first:first + CHUNK - 1], "output": [rest[first + CHUNK - 1]]})
    outputs.append({"id": "0", "prompt": tokens[:1], "output": tokens[1:decode_tokens]})
    paths = []
    for name, requests in (("prefill", prompts), ("decode", outputs)):
        kept = {key: header[key] for key in ("tierscope_trace", "vocab_size", "tokenizer", "license")}
        paths.append(os.path.join(folder, name + ".jsonl"))
        with open(paths[-1], "w") as file:
            for line in [{**kept, "name": name}, *requests]:
                file.write(json.dumps(line) + "\n")
    return paths


def fio(table, shape, seconds, *extra):
    """4 KiB random reads a second."""
    begin = shape["offset"] // 4096 * 4096
    bytes_ = min(os.path.getsize(table), shape["offset"] + shape["table_bytes"]) - begin
    words = ["fio", "--name=ngram", f"--filename={table}", "--readonly", "--rw=randread", "--direct=1", "--ioengine=io_uring",
             "--fixedbufs=1", "--registerfiles=1", "--norandommap", "--bs=4096", f"--offset={begin}",
             f"--size={bytes_ // 4096 * 4096}", f"--runtime={seconds}", "--time_based", "--output-format=json", *extra]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"compare-fio: {done.stderr.strip()}")
    return json.loads(done.stdout[done.stdout.index("{"):])["jobs"][0]["read"]["iops"]


def deep(depth):
    return (f"--iodepth={depth}", "--iodepth_batch_submit=8", "--iodepth_batch_complete_min=1", "--iodepth_batch_complete_max=32")


def batches(reads):
    return (f"--iodepth={reads}", f"--iodepth_batch_submit={reads}", f"--iodepth_batch_complete_min={reads}",
            f"--iodepth_batch_complete_max={reads}")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    table, trace = sys.argv[1:3]
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 2
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    explained = json.loads(program("inspect", table, "--json"))
    if not explained["ngram"]:
        sys.exit(f"compare-fio: {table}: not an n-gram table; make one with: tierscope synth ngram")
    shape = explained["ple"]
    width = shape["rows_per_token"]
    samples = {}

    def add(key, value):
        samples.setdefault(key, []).append(value)

    with tempfile.TemporaryDirectory() as folder:
        prefill, decode = write_traces(trace, folder, seconds * 6000, seconds * 4000)
        # The depth at which fio is best does not change from round to round.
        best = max((64, 128), key=lambda depth: fio(table, shape, 1, *deep(depth)))
        for _ in range(rounds):
            add("fio_deep", fio(table, shape, seconds, *deep(best)))
            for placement in PLACEMENTS:
                run = replay(table, prefill, placement)
                add(f"prefill {placement}", run["nvme"]["reads"] / run["seconds"])
                add(f"prefill_tokens {placement}", run["prefill_tokens_per_s"])
            add("fio_batch_us", 1e6 * width / fio(table, shape, seconds, *batches(width)))
            for placement in PLACEMENTS:
                run = replay(table, decode, placement)
                add(f"decode {placement}", 1e3 * run["tpot_ms"]["mean"])
                add(f"wait {placement}", 1e3 * run["stall_decode_ms"]["mean"])
    report(samples, width, best)
    if os.environ.get("COMPARE_JSON"):
        with open(os.environ["COMPARE_JSON"], "w") as file:
            json.dump({"reads_a_step": width, "fio_depth": best, "samples": samples}, file, indent=1)


def replay(table, trace, placement):
    return json.loads(program("replay", table, "--trace", trace, "--placement", placement, "--compute", "none", "--chunk", CHUNK,
                              "--json", "-q"))[0]


def report(samples, width, depth):
    def of(key):
        return statistics.median(samples[key])

    def spread(key):
        return f"{min(samples[key]):.0f} to {max(samples[key]):.0f}"

    print(f"fio, 4 KiB at depth {depth}: {of('fio_deep'):.0f} reads/s ({spread('fio_deep')})")
    for placement in PLACEMENTS:
        key = f"prefill {placement}"
        print(f"  prefill, {placement}: {of(key):.0f} reads/s ({spread(key)}), {of(key) / of('fio_deep'):.1%} of fio; "
              f"{of(f'prefill_tokens {placement}'):.0f} tokens/s")
    print(f"fio, batches of {width}: {of('fio_batch_us'):.0f} us ({spread('fio_batch_us')})")
    for placement in PLACEMENTS:
        key = f"decode {placement}"
        print(f"  decode step, {placement}: {of(key):.0f} us ({spread(key)}), {of(key) / of('fio_batch_us'):.2f} x fio; "
              f"waiting {of(f'wait {placement}'):.0f} us")


main()
