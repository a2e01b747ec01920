"""The decoder beside llama.cpp, and beside the machine's memory."""
import json
import os
import statistics

from frame import at_least, at_most, plain, ratios, section

COMMAND = "scripts/compare-llama-cpp.sh MODEL 2"


def alternating_runs(bench, model, rounds):
    """What both programs said, round by round."""
    bench.run("scripts/compare-llama-cpp.sh", model, rounds)
    runs = {"tierscope": [], "llama.cpp": []}
    with open("build/llama-cpp/runs.jsonl") as file:
        for one in map(json.loads, file):
            runs[one["program"]].append(one)
    return runs["tierscope"], runs["llama.cpp"]


def prefill_goal(bench):
    """What a CPU of this kind is asked for, against llama.cpp: (512 tokens, 2,048 tokens)."""
    level = bench.json("cpu")["chosen"]
    return {"amx": (5, 8), "avx512": (2.5, 2.5)}.get(level, (1.2, 1.2))


def beside_llama_cpp(bench, model, rounds=2, command=COMMAND):
    ours, theirs = alternating_runs(bench, model, rounds)
    at_512, at_2048 = prefill_goal(bench)
    for tokens, goal in (("128", None), ("512", at_512), ("2048", at_2048)):
        mine, peer = [run["prefill"][tokens] for run in ours], [run["prefill"][tokens] for run in theirs]
        yield plain(f"prefill_{tokens}", f"prefill of {tokens} tokens", mine, "tokens/s", command, f"llama.cpp {statistics.median(peer):.3g}")
        if goal:
            yield at_least(f"prefill_{tokens}_gain", f"prefill of {tokens} tokens against llama.cpp", ratios(mine, peer), goal, "x", command)
    for context in ("64", "2048"):
        mine, peer = [run["decode"][context] for run in ours], [run["decode"][context] for run in theirs]
        yield plain(f"decode_{context}", f"decode at context {context}", mine, "tokens/s", command, f"llama.cpp {statistics.median(peer):.3g}")
        yield at_least(f"decode_{context}_gain", f"decode at context {context} against llama.cpp", ratios(mine, peer), 1, "x", command)
    yield at_least("bound", "decode, of the bound (weights a token / RAM read bandwidth)", [100 * run["decode_share_of_ram"] for run in ours], 85, "%", "bench_decoder MODEL")
    for state, meaning in (("cold", "nothing of the file cached"), ("warm", "all of it cached; free memory touched, docs/measurements/compute.md")):
        start, load = [[[run[state][key] for run in runs] for runs in (ours, theirs)] for key in ("start_to_first_logits_s", "load_s")]
        yield at_most(f"start_{state}", f"{state} start ({meaning}) to first logits against llama.cpp", ratios(*start), 1, "x", command, f"{statistics.median(start[0]):.3g} s")
        yield plain(f"load_{state}", f"{state} start, load", load[0], "s", command, f"llama.cpp {statistics.median(load[1]):.3g}")
    peak = [[run["peak_rss_bytes"] / 1e9 for run in runs] for runs in (ours, theirs)]
    yield plain("peak", "peak memory", peak[0], "GB", command, f"llama.cpp {statistics.median(peak[1]):.3g}")


@section(5, "llama_cpp", "Q4_0 with Q8_0 table and head beside llama.cpp, two threads, alternating runs")
def llama_cpp(bench):
    yield from beside_llama_cpp(bench, bench.model)


def other_type(name, title, *types):
    @section(5, f"llama_cpp_{name}", f"{title} beside llama.cpp, two threads, alternating runs", whole=False)
    def measure(bench):
        model = bench.scratch + "/other.gguf"
        bench.tierscope("synth", "gemma4-e2b", model, *types)
        try:
            yield from beside_llama_cpp(bench, model, 1, f"tierscope synth gemma4-e2b FILE {' '.join(types)}; scripts/compare-llama-cpp.sh FILE 1")
        finally:
            os.remove(model)


other_type("q8_0", "Q8_0", "--weights", "Q8_0")
other_type("q4_k", "Q4_K", "--weights", "Q4_K")
other_type("bf16", "BF16", "--weights", "BF16")
