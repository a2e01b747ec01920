"""The figures of docs/scoreboard.md: goal, figure, ratio, spread, command. usage: scoreboard.py BUILD MODEL OUT.md
A section is a function that yields rows; add it to SECTIONS."""
import array
import glob
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile

build, model, out = sys.argv[1:]
program = os.path.join(build, "tierscope")
REPEATS = 5

# M accesses/s that libCacheSim reached on a 2-core machine (capacity 4,096 rows); the goal is five times that.
LIBCACHESIM = {"lru": 22, "fifo": 23, "clock": 20, "sieve": 23, "arc": 17, "s3fifo": 8.6, "wtinylfu": 7.9, "lirs": 7}
# Cold gathers of E2B rows on a 2-core machine with a virtual NVMe: ms by mmap with MADV_RANDOM and two threads.
MMAP_GATHER_MS = {512: 67, 4096: 557}
TRACE = "traces/data/mt_bench.jsonl.zst"


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()[-200:]}")
    return done.stdout


def shown(value):
    return f"{value:.3g}"


def row(what, samples, command, goal=None, unit="", lower_is_better=False):
    """Ratio above 1: the goal is met."""
    median = statistics.median(samples)
    spread = (max(samples) - min(samples)) / median if len(samples) > 1 and median else None
    ratio = None if goal is None or median == 0 else goal / median if lower_is_better else median / goal
    relation = "at most" if lower_is_better else "at least"
    return (what, "" if goal is None else f"{relation} {shown(goal)} {unit}".strip(), f"{shown(median)} {unit}".strip(),
            "" if ratio is None else f"{ratio:.2f}", "" if spread is None else f"{100 * spread:.0f} %", f"`{command}`")


def floats(path):
    values = array.array("f")
    with open(path, "rb") as file:
        values.frombytes(file.read())
    return values


def golden_logits():
    folder = "tests/golden/data/logits"
    with open(folder + "/index.json") as file:
        index = json.load(file)
    with tempfile.TemporaryDirectory() as scratch:
        for path in sorted(glob.glob(folder + "/*.gguf")):
            name = os.path.basename(path)[:-5]
            command = f"tierscope logits {path} --tokens {folder}/{name}.tokens --out FILE"
            run(program, "logits", path, "--tokens", f"{folder}/{name}.tokens", "--out", scratch + "/got")
            exact, got = floats(f"{folder}/{name}.logits.f32"), floats(scratch + "/got")
            nmse = sum((a - b) ** 2 for a, b in zip(got, exact)) / sum(b * b for b in exact)
            peer = index[name]["llama_cpp"]["nmse"]
            goal = 1e-8 if "f32" in name else 1.5 * peer
            yield row(f"NMSE of {name}", [nmse], command, goal, lower_is_better=True)


def benchmarks():
    for path in sorted(glob.glob(os.path.join(build, "bench_*"))):
        command = f"{os.path.basename(path)} --benchmark_repetitions={REPEATS}"
        report = json.loads(run(path, f"--benchmark_repetitions={REPEATS}", "--benchmark_format=json"))
        samples = {}
        for one in report["benchmarks"]:
            if one.get("run_type") == "iteration" and "items_per_second" in one:
                samples.setdefault(one["run_name"], []).append(one["items_per_second"] / 1e6)
        for name, values in samples.items():
            policy = next((word for word in name.lower().replace("/", " ").replace(":", " ").split() if word in LIBCACHESIM), None)
            goal = 5 * LIBCACHESIM[policy] if policy and "polic" in path else None
            yield row(name, values, command, goal, "M/s")


def replay(*words):
    return json.loads(run(program, "replay", model, "--trace", TRACE, *words, "--json", "-q"))


def first(value):
    return value[0] if isinstance(value, list) else value


def cold_gathers():
    with tempfile.TemporaryDirectory() as scratch:
        for rows, mmap_ms in MMAP_GATHER_MS.items():
            trace = f"{scratch}/{rows}.jsonl"
            with open(trace, "w") as file:
                file.write(json.dumps({"tierscope_trace": 1, "name": "rows", "vocab_size": 262144, "tokenizer": "none", "license": "none"}) + "\n")
                file.write(json.dumps({"id": "0", "prompt": [(7919 * (i + 1)) % 262144 for i in range(rows)], "output": [1]}) + "\n")
            words = (program, "replay", model, "--trace", trace, "--placement", "nvme", "--chunk", str(rows), "--json", "-q")
            samples = [first(json.loads(run(*words)))["stall_prefill_ms"]["mean"] for _ in range(REPEATS)]
            goal = mmap_ms / (8 if rows == 512 else 10)
            yield row(f"cold gather of {rows} rows", samples, f"tierscope replay E2B --trace {rows}-rows --placement nvme --chunk {rows}", goal, "ms", True)


def decoder():
    words = ("--placement", "ram", "--compute", "real", "--requests", "2")
    runs = [first(replay(*words)) for _ in range(3)]
    command = f"tierscope replay E2B --trace {TRACE} {' '.join(words)}"
    yield row("E2B decode, two threads", [one["decode_tokens_per_s"] for one in runs], command, 17.6, "tokens/s")
    yield row("E2B prefill of short prompts", [one["prefill_tokens_per_s"] for one in runs], command, None, "tokens/s")
    yield row("E2B peak memory, table in RAM", [one["peak_rss_bytes"] / 1e9 for one in runs], command, None, "GB")


SECTIONS = [
    ("Exactness: logits beside the exact ones (goal: 1.5 x llama.cpp's error, 1e-8 for F32)", golden_logits),
    ("Speed of the parts (goal of policies: 5 x libCacheSim)", benchmarks),
    ("The NVMe tier (goal: 8 x and 10 x faster than mmap with two threads)", cold_gathers),
    ("The decoder (goal: llama.cpp's rate)", decoder),
]


def cpu_name():
    with open("/proc/cpuinfo") as file:
        return next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), platform.machine())


def main():
    commit = run("git", "describe", "--always", "--dirty").strip()
    text = ["# Scoreboard", "",
            f"Medians; spread is (largest - smallest) / median. Machine: {cpu_name()}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}. "
            f"Commit {commit}. Written by `scripts/scoreboard.sh`. A ratio of 1 or more meets the goal.", ""]
    for title, section in SECTIONS:
        print(title, file=sys.stderr)
        text += [f"## {title}", "", "| what | goal | figure | ratio | spread | command |", "| --- | --- | --: | --: | --: | --- |"]
        try:
            for cells in section():
                text.append("| " + " | ".join(cells) + " |")
                print("  " + ", ".join(cells[:5]), file=sys.stderr)
        except (RuntimeError, KeyError, OSError) as error:
            text.append(f"| not measured: {str(error)[:200]} | | | | | |")
        text.append("")
    tables = sorted(glob.glob("docs/measurements/*.md"))
    if tables:
        text += ["## Measured on their own", ""] + [f"- [{os.path.basename(path)[:-3]}](measurements/{os.path.basename(path)})" for path in tables] + [""]
    with open(out + ".partial", "w") as file:
        file.write("\n".join(text))
    os.replace(out + ".partial", out)


main()
