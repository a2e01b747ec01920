"""The main job: exact logits, the demo's duration, synth."""
import array
import glob
import json
import os
import time

from frame import NotMeasured, at_least, at_most, exactly, section

LOGITS = "tests/golden/data/logits"


def floats(path):
    values = array.array("f")
    with open(path, "rb") as file:
        values.frombytes(file.read())
    return values


def golden_errors(bench, *words):
    """(model, largest NMSE of the modes, the goal) of every golden model."""
    with open(LOGITS + "/index.json") as file:
        index = json.load(file)
    for path in sorted(glob.glob(LOGITS + "/*.gguf")):
        name = os.path.basename(path)[:-5]
        exact = floats(f"{LOGITS}/{name}.logits.f32")
        errors = []
        for mode in ("prefill", "decode"):
            bench.tierscope("logits", path, "--tokens", f"{LOGITS}/{name}.tokens", "--out", bench.scratch + "/got", "--mode", mode, *words)
            got = floats(bench.scratch + "/got")
            errors.append(sum((a - b) ** 2 for a, b in zip(got, exact)) / sum(b * b for b in exact))
        yield name, max(errors), 1e-8 if "f32" in name else 1.5 * index[name]["llama_cpp"]["nmse"]


@section(2, "exactness", "Logits beside the exact ones, worse of prefill and decode (goal: 1.5 x llama.cpp's error, 1e-8 for F32)")
def exactness(bench):
    for name, error, goal in golden_errors(bench):
        yield at_most(name, f"NMSE of {name}", error, goal, "", "tierscope logits FILE.gguf --tokens FILE.tokens --out OUT --mode M")


@section(2, "main_job", "The main job")
def main_job(bench):
    decode = [bench.replay("--trace", "traces/data/mt_bench.jsonl.zst", "--requests", 1, "--placement", "nvme")["decode_tokens_per_s"] for _ in range(3)]
    yield at_least("decode", "E2B decodes, cold, table on the disk", decode, 5, "tokens/s",
                   "tierscope replay MODEL --trace traces/data/mt_bench.jsonl.zst --requests 1 --placement nvme")
    start = time.monotonic()
    bench.tierscope("synth", "gemma4-e2b", bench.scratch + "/e2b.gguf")
    yield at_most("synth", "synth writes E2B, Q4_0 with a Q8_0 table", time.monotonic() - start, 60, "s", "tierscope synth gemma4-e2b FILE")
    os.remove(bench.scratch + "/e2b.gguf")


@section(2, "demo", "The demo, from its own record")
def demo(bench):
    try:
        with open("build/demo/duration.json") as file:
            took = json.load(file)
    except FileNotFoundError:
        raise NotMeasured("run scripts/demo.sh first, it writes build/demo/duration.json")
    yield at_most("minutes", "scripts/demo.sh, start to report", took["seconds"] / 60, 15, "min", "scripts/demo.sh", took["note"])
    with open("build/demo/results/results.jsonl") as file:
        cells = [json.loads(line) for line in file]
    placements = {cell["axes"]["placement"] for cell in cells if cell["axes"]["source"] == "measured"}
    yield at_least("placements", "placements measured in the demo", len(placements), 6, "", "scripts/demo.sh")
