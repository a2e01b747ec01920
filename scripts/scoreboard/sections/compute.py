"""The decoder beside llama.cpp, and beside the machine's memory."""
import json
import os
import statistics

from frame import at_least, at_most, plain, ratios, section


def alternating_runs(bench, model, rounds, *words):
    """What both programs said, round by round."""
    bench.run("scripts/compare-llama-cpp.sh", model, rounds, *words)
    runs = {"tierscope": [], "llama.cpp": []}
    with open("build/llama-cpp/runs.jsonl") as file:
        for one in map(json.loads, file):
            runs[one["program"].split()[0]].append(one)
    return runs["tierscope"], runs["llama.cpp"]


def prefill_goal(level):
    """What a CPU of this kind is asked for, against llama.cpp: (512 tokens, 2,048 tokens)."""
    return {"amx": (5, 8), "avx512": (2.5, 2.5)}.get(level, (1.2, 1.2))


def beside_llama_cpp(bench, model, rounds, command, levels=()):
    ours, theirs = alternating_runs(bench, model, rounds, *levels)
    at_512, at_2048 = prefill_goal("avx2" if levels else bench.json("cpu")["chosen"])
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
    for state, meaning in (("cold", "nothing of the file cached"), ("warm", "all of it cached")):
        start, load = [[[run[state][key] for run in runs] for runs in (ours, theirs)] for key in ("start_to_first_logits_s", "load_s")]
        yield at_most(f"start_{state}", f"{state} start ({meaning}; free memory touched before) to first logits against llama.cpp", ratios(*start), 1, "x", command, f"{statistics.median(start[0]):.3g} s")
        yield plain(f"load_{state}", f"{state} start, load", load[0], "s", command, f"llama.cpp {statistics.median(load[1]):.3g}")
    untouched = alternating_runs(bench, model, 1, *levels, "--repeats", 0, "--untouched")
    start = [[run["warm"]["start_to_first_logits_s"] for run in runs] for runs in untouched]
    yield at_most("start_untouched", "the same, warm, free memory as the machine left it", ratios(*start), 1, "x", f"{command} --repeats 0 --untouched", f"{statistics.median(start[0]):.3g} s")
    peak = [[run["peak_rss_bytes"] / 1e9 for run in runs] for runs in (ours, theirs)]
    yield plain("peak", "peak memory", peak[0], "GB", command, f"llama.cpp {statistics.median(peak[1]):.3g}")


def compared(name, title, rounds, *types):
    """A section at the CPU's best level, where llama.cpp chooses too, and one in which both are held to AVX2."""
    words = f" {' '.join(types)}" if types else ""
    for suffix, at, levels in (("", "", ()), ("_avx2", ", both at AVX2", ("--levels", "avx2", "--peer-level", "avx2", "--repeats", 1))):
        @section(5, f"llama_cpp{name}{suffix}", f"{title} beside llama.cpp{at}, two threads, alternating runs", whole=not name and not suffix)
        def measure(bench, levels=levels, rounds=1 if levels else rounds):
            model = bench.scratch + "/other.gguf" if types else bench.model
            if types:
                bench.tierscope("synth", "gemma4-e2b", model, *types)
            command = f"tierscope synth gemma4-e2b FILE{words}; scripts/compare-llama-cpp.sh FILE {rounds}{''.join(f' {word}' for word in levels)}"
            try:
                yield from beside_llama_cpp(bench, model, rounds, command, levels)
            finally:
                if types:
                    os.remove(model)


compared("", "Q4_0 with Q8_0 table and head", 2)
compared("_q8_0", "Q8_0", 1, "--weights", "Q8_0")
compared("_q4_k", "Q4_K", 1, "--weights", "Q4_K")
compared("_bf16", "BF16", 1, "--weights", "BF16")
