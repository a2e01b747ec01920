"""`replay` measures what DESIGN.md names, agrees with `simulate`, and refuses bad input before it runs."""
import json
import os
import sys
import tempfile

from replay_case import MODEL, check_fails, run, run_json, write_trace

program = sys.argv[1]
folder = tempfile.mkdtemp()
trace = os.path.join(folder, "trace.jsonl")
write_trace(trace)


def replay(*words, **more):
    return run_json(program, "replay", MODEL, "--trace", trace, *words, **more)


def refused(*words):
    return run(program, "replay", MODEL, "--trace", trace, *words)


# Every figure is there, whatever computes.
for compute in ("none", "real", "paced:2ms"):
    (result,) = replay("--compute", compute, "--placement", "nvme+ram:16rows:lru,prefetch=overlap", "--requests", 3)
    assert result["compute"] == compute and result["state"].startswith("cold")
    assert result["requests"] == 3 and result["prompt_tokens"] == 120 and result["output_tokens"] == 36
    assert result["ttft_ms"]["samples"] == 3 and result["itl_ms"]["samples"] == 33
    assert result["ttft_ms"]["p50"] is None and result["itl_ms"]["p50"] is not None
    assert result["stall_prefill_ms"]["samples"] == 3 and result["stall_decode_ms"]["samples"] == 36
    assert result["accesses"] == 156 and result["levels"][0]["hits"] + result["levels"][0]["misses"] == 156
    assert result["nvme"]["reads"] > 0 and result["nvme"]["read_amplification"] > 1
    assert result["peak_rss_bytes"] > 0 and result["memory_bytes"] > 0
    if compute.startswith("paced"):
        assert result["tpot_ms"]["mean"] >= 2, result["tpot_ms"]

# Run and simulation agree, cold and warm, whatever the chunk.
for placement in ("nvme", "nvme+ram:16rows:lru", "nvme+ram:20rows:s3fifo,prefetch=draft:2", "ram"):
    for chunk in (1, 7, 512):
        (measured,) = replay("--compute", "none", "--placement", placement, "--chunk", chunk)
        (counted,) = run_json(program, "simulate", "--model", MODEL, "--trace", trace, "--placement", placement,
                              "--chunk", chunk)
        for level, want in zip(measured["levels"], counted["levels"]):
            assert (level["hits"], level["misses"]) == (want["hits"], want["misses"]), (placement, chunk)
        assert measured["backing"]["reads"] == counted["backing"]["reads"], (placement, chunk)
(cold,) = replay("--compute", "none", "--placement", "nvme+ram:200rows:lru")
(warm,) = replay("--compute", "none", "--placement", "nvme+ram:200rows:lru", "--state", "warm")
assert warm["state"] == "warm" and warm["backing"]["reads"] < cold["backing"]["reads"]
assert warm["accesses"] == cold["accesses"]

# Several placements: one element each, in order. An emulated device is named.
two = replay("--compute", "none", "--placement", "nvme,access=pread", "--placement", "nvme,access=mmap")
assert [r["placement"] for r in two] == ["nvme,access=pread", "nvme,access=mmap"]
assert two[1]["page_cache"] == "unbounded page cache" or two[1]["page_cache"].startswith("memory cap")
(slow,) = replay("--compute", "none", "--placement", "nvme", "--emulate", "phone-ufs4", "--requests", 1)
assert slow["emulated_device"] == "phone-ufs4" and "emulated" in slow["nvme"]["effective_access"]

# A timeline opens as JSON and has reads and blocks.
timeline = os.path.join(folder, "timeline.json")
replay("--placement", "nvme", "--requests", 1, "--trace-out", timeline)
names = {event["name"] for event in json.load(open(timeline))["traceEvents"]}
assert {"read", "block", "wait for rows"} <= names, names

# The budget is checked before anything is loaded, and counts what the placement would take.
check_fails(refused("--placement", "nvme", "--memory-budget", "64KiB"), 1, "budget", "nvme as the backing tier")
(fits,) = replay("--compute", "none", "--placement", "nvme", "--memory-budget", "1GiB")
assert fits["memory_bytes"] < 2**30

# Bad input: one line each.
check_fails(refused("--placement", "nvme", "--compute", "rael"), 2, "'real'")
check_fails(refused("--placement", "nvme", "--state", "lukewarm"), 2, "--state")
check_fails(refused("--placement", "nvme+ram:0:lru"), 2, "holds nothing")
check_fails(refused("--placement", "nvme+ram:1000rows:lru"), 2, "larger than the table")
check_fails(refused("--placement", "nvme", "--chunk", "0"), 2, "--chunk")
check_fails(refused("--placement", "nvme", "--ctx", "10"), 2, "--ctx")
check_fails(refused("--placement", "nvme", "--emulate", "phone-ufs5"), 2, "phone-ufs4")
check_fails(refused("--placement", "nvme,layout=packed"), 1, "cannot open")
check_fails(refused("--placement", "ram,layout=packed"), 2, "nvme")
check_fails(refused("--placement", "ram+vram:30rows:lru", "--compute", "none"), 2, "--backend")
check_fails(refused(), 2, "--placement")
check_fails(run(program, "replay", "tests/golden/data/logits/nople-f32.gguf", "--trace", trace, "--placement", "nvme"),
            1, "no per-layer embedding")
large = os.path.join(folder, "large.jsonl")
write_trace(large, limit=5000)
check_fails(run(program, "replay", MODEL, "--trace", large, "--placement", "nvme"), 2, "table of 280")
