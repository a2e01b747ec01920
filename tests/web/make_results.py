"""Folders of results as `tierscope run` leaves them, with made-up figures: what the page's tests read."""
import json
import os
import random

PLACEMENTS = [
    "ram", "nvme", "nvme+ram:256rows:lru", "nvme+ram:1024rows:lru", "nvme+ram:1024rows:s3fifo",
    "nvme+ram:2048rows:lru", "nvme+ram:2048rows:sieve,prefetch=overlap", "nvme+ram:16MiB:lru+vram:4MiB:s3fifo",
]
TABLE_BYTES = 262144 * 9520


def distribution(mean):
    return {"samples": 100, "mean": mean, "p50": mean * 0.95, "p90": mean * 1.3, "p99": mean * 1.9, "max": mean * 2, "sum": mean * 100}


def levels_of(placement, quality):
    levels = []
    for cache in placement.split(",")[0].split("+")[:0:-1]:
        tier, capacity, policy = cache.split(":")[:3]
        rows = int(capacity[:-4]) if capacity.endswith("rows") else int(capacity[:-3]) * (1 << 20) // 9520
        hits = int(80000 * quality)
        levels.append({"tier": tier, "policy": policy, "capacity_rows": rows, "actual_bytes": rows * 9520, "hits": hits, "misses": 80000 - hits})
    return levels


def output(placement, noise, predicted):
    cached = "+" in placement
    in_ram = placement.startswith("ram")
    stall = 0.0 if in_ram else 2.0 if cached else 5.0
    levels = levels_of(placement, 0.7)
    reads = 0 if in_ram else levels[-1]["misses"] if cached else 80000
    made = {
        "accesses": 80000,
        "requests": 80,
        "compulsory_misses": 9000,
        "levels": levels,
        "backing": {"tier": "ram" if in_ram else "nvme", "reads": reads, "bytes": reads * 9520},
        "ttft_ms": distribution((300 + 10 * stall) * noise),
        "tpot_ms": distribution((60 + stall) * noise),
        "itl_ms": distribution((60 + stall) * noise),
        "stall_prefill_ms": distribution(10 * stall * noise),
        "stall_decode_ms": distribution(stall * noise),
        "decode_tokens_per_s": 1000 / ((60 + stall) * noise),
        "nvme": None if in_ram else {
            "reads": reads, "bytes": reads * 12288, "read_amplification": 12288 / 9520, "iops": 40000 * noise,
            "bandwidth_bytes_per_s": 4.9e8 * noise, "latency_us": {"mean": 100 * noise, "p50": 90 * noise, "p90": 150 * noise, "p99": 400 * noise},
            "effective_access": "io_uring+o_direct"},
    }
    if predicted:
        del made["ttft_ms"]["p99"]
    return made


def axes(source, placement, trace, **others):
    made = {"source": source, "model": "gemma4-e2b.gguf", "trace": trace, "placement": placement, "state": "cold", "compute": "real",
            "device": "", "backend": "host", "requests": 0, "threads": 0, "chunk": 0}
    made.update(others)
    return made


def result(axis, repeat, value):
    return {"tierscope_result": 1, "cell": "", "repeat": repeat, "axes": axis, "status": "ok", "command": "tierscope replay " + axis["placement"],
            "started_at": "2026-01-01T00:00:00Z", "wall_s": 1.0, "peak_rss_bytes": 2_000_000_000, "table_bytes": TABLE_BYTES, "output": value}


def curve(trace, policy, factor):
    points = [{"policy": policy, "capacity_rows": 2 ** k, "miss_ratio": max(0.05, 1 - factor * k / 20)} for k in range(4, 17)]
    return result(axes("curve", policy, trace, model="", state="", compute="", backend=""), 0, points)


def write(folder, results, description="Made-up figures, for the tests of the page."):
    os.makedirs(folder, exist_ok=True)
    manifest = {"tierscope_manifest": 1, "name": "page test", "description": description, "command": "tierscope run plan.toml --out out",
                "started_at": "2026-01-01T00:00:00Z", "seed": 1, "shard": "1/1", "cells": len(results),
                "program": {"version": "0", "git_commit": "0", "compiler": "c", "build_type": "Release"},
                "machine": {"cpu": "c", "cpus": 2, "memory_bytes": 1 << 34}, "models": [], "traces": [], "plan": "name = 'page test'",
                "limits": {"iops": 120000, "bandwidth_bytes_per_s": 1.0e9}}
    with open(os.path.join(folder, "manifest.json"), "w") as file:
        json.dump(manifest, file)
    with open(os.path.join(folder, "results.jsonl"), "w") as file:
        file.writelines(json.dumps(one) + "\n" for one in results)


def small(folder, slower=1.0, seed=1):
    """Two traces, measured and modelled, with curves; `slower` scales the placements without a cache."""
    random.seed(seed)
    made = []
    for trace in ("mt_bench.jsonl.zst", "humaneval.jsonl.zst"):
        for placement in PLACEMENTS:
            for repeat in range(3):
                noise = random.uniform(0.99, 1.01) * (slower if placement == "nvme" else 1)
                made.append(result(axes("measured", placement, trace), repeat, output(placement, noise, False)))
            made.append(result(axes("simulated", placement, trace, device="this-machine", compute="profile", backend=""), 0, output(placement, 1.05, True)))
        made += [curve(trace, "lru", 0.9), curve(trace, "s3fifo", 1.0), curve(trace, "belady", 1.15)]
    write(folder, made)


def large(folder, cells):
    random.seed(2)
    made = []
    for i in range(cells):
        placement = f"nvme+ram:{16 + i // 8}rows:{('lru', 's3fifo', 'sieve', 'arc')[i % 4]}"
        made.append(result(axes("measured", placement, f"trace-{i // 4 % 2}"), 0, output(placement, random.uniform(0.8, 1.2), False)))
    write(folder, made)
