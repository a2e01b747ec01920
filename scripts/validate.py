#!/usr/bin/env python3
"""Measures and predicts the same cells, and says how far apart they are.

    scripts/validate.py MODEL.gguf --out DIR [--profile HERE.toml] [--group none|paced|emulated|real]... [--repeats N]

The profile comes from `tierscope probe --model MODEL` alone (made here unless given). Every cell is replayed on this
machine and simulated with that profile. DIR gets cells.jsonl (all raw output; cells already there are not run again)
and validation.md (the table, by group). Run it on a quiet machine.
"""
import argparse
import itertools
import json
import statistics
import subprocess
import sys
from pathlib import Path

TRACES = ["mt_bench", "gsm8k_test", "humaneval", "mgsm"]
CACHES = ["nvme", "nvme+ram:1024rows:lru", "nvme+ram:4096rows:s3fifo", "nvme+ram:16384rows:lru"]
# What placement changes; the mean errors that the project aims at, in percent.
LEAST_STALL_US = 2  # a step; below it is the clock that is measured
METRICS = {"stall_ms": 3, "ttft_ms": 3, "tpot_ms": 3, "itl_p99_ms": 10, "iops": 3, "bandwidth": 2}


def cells():
    """(group, trace, requests, placement, state, extra options of both commands)"""
    for trace, placement, state in itertools.product(TRACES, CACHES, ["cold", "warm"]):
        yield "none", trace, 200, placement, state, ["--compute", "none"]
    hidden = ["nvme", "nvme,prefetch=overlap", "nvme,prefetch=prompt+overlap",
              "nvme+ram:4096rows:lru,prefetch=overlap"]
    for device, trace, placement in itertools.product(["server-h100", "desktop-24gb"], TRACES[:2], hidden):
        yield "paced", trace, 3, placement, "cold", ["--compute", f"paced:{device}"]
    for device, trace, placement in itertools.product(["phone-ufs4", "raspberry-pi5-nvme"], TRACES[:2],
                                                      ["nvme", "nvme+ram:4096rows:lru"]):
        yield "emulated", trace, 4, placement, "cold", ["--compute", "none", "--emulate", device]
    for placement in ["nvme", "nvme,prefetch=overlap", "nvme+ram:4096rows:lru", "ram"]:
        yield "real", "gsm8k_test", 1, placement, "cold", ["--compute", "real"]


def run(program, words):
    done = subprocess.run([program, *words], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{program} {' '.join(words)}\n{done.stderr}")
    return json.loads(done.stdout)[0]


def metrics(result):
    nvme = result.get("nvme") or {}
    stall = (result["stall_prefill_ms"]["sum"] or 0) + (result["stall_decode_ms"]["sum"] or 0)
    return {"stall_ms": stall, "ttft_ms": result["ttft_ms"]["mean"], "tpot_ms": result["tpot_ms"]["mean"],
            "itl_p99_ms": result["itl_ms"]["p99"], "iops": nvme.get("iops"),
            "bandwidth": nvme.get("bandwidth_bytes_per_s")}


def counts(result):
    return [[l["hits"], l["misses"]] for l in result["levels"]] + [result["backing"]["reads"]]


def measure(program, model, profile, cell, repeats):
    group, trace, requests, placement, state, extra = cell
    common = ["--trace", f"traces/data/{trace}.jsonl.zst", "--requests", str(requests), "--state", state, *extra, "--json"]
    simulate = ["simulate", "--model", model, "--device", str(profile), *common]
    measured = [run(program, ["replay", model, "--placement", placement, *common]) for _ in range(repeats)]
    return {"group": group, "trace": trace, "placement": placement, "state": state, "options": extra,
            "measured": measured, "predicted": run(program, [*simulate, "--placement", placement]),
            "no_stall": run(program, [*simulate, "--placement", "ram"])}


def compare(cell):
    """Per metric: measured mean, predicted, signed error and noise in percent."""
    repeats = [metrics(m) for m in cell["measured"]]
    predicted, no_stall = metrics(cell["predicted"]), metrics(cell["no_stall"])
    rows = {}
    for name in METRICS:
        values = [r[name] for r in repeats if r[name]]
        if len(values) < len(repeats) or predicted[name] is None:
            continue
        mean = statistics.mean(values)
        if name == "stall_ms" and mean * 1e3 < LEAST_STALL_US * cell["predicted"]["steps"]:
            continue
        spread = (max(values) - min(values)) / mean * 100 if len(values) > 1 else 0
        rows[name] = {"measured": mean, "predicted": predicted[name], "error": (predicted[name] / mean - 1) * 100,
                      "noise": spread,
                      "no_stall_error": ((no_stall[name] or 0) / mean - 1) * 100 if name in ("ttft_ms", "tpot_ms") else None}
    return rows


def kendall(cells_):
    """Of placements under the same trace, state and compute, by time per token; pairs inside the noise are left out."""
    agree = pairs = 0
    groups = {}
    for cell in cells_:
        groups.setdefault((cell["trace"], cell["state"], tuple(cell["options"])), []).append(cell["rows"]["tpot_ms"])
    for rows in groups.values():
        for a, b in itertools.combinations([r for r in rows if r], 2):
            gap = abs(a["measured"] - b["measured"])
            if gap <= max(a["noise"], b["noise"]) / 100 * max(a["measured"], b["measured"]):
                continue
            pairs += 1
            agree += 1 if (a["measured"] < b["measured"]) == (a["predicted"] < b["predicted"]) else -1
    return (agree / pairs if pairs else None), pairs


def report(done):
    lines = []
    for cell in done:
        cell["rows"] = compare(cell)
        cell["exact"] = all(counts(m) == counts(cell["predicted"]) for m in cell["measured"])
    groups = list(dict.fromkeys(cell["group"] for cell in done))
    lines += ["| group | metric | cells | mean abs error % | worst % | median noise % | within max(goal, noise) |",
              "| --- | --- | --- | --- | --- | --- | --- |"]
    for group, name in itertools.product(groups, METRICS):
        rows = [cell["rows"][name] for cell in done if cell["group"] == group and name in cell["rows"]]
        if not rows:
            continue
        errors = [abs(r["error"]) for r in rows]
        kept = sum(1 for r in rows if abs(r["error"]) <= max(METRICS[name], r["noise"]))
        lines.append(f"| {group} | {name} | {len(rows)} | {statistics.mean(errors):.1f} | {max(errors):.1f} | "
                     f"{statistics.median(r['noise'] for r in rows):.1f} | {kept} of {len(rows)} |")
    ours = [abs(c["rows"][m]["error"]) for c in done for m in ("ttft_ms", "tpot_ms") if m in c["rows"]]
    naive = [abs(c["rows"][m]["no_stall_error"]) for c in done for m in ("ttft_ms", "tpot_ms") if m in c["rows"]]
    tau, pairs = kendall([c for c in done if "tpot_ms" in c["rows"]])
    heavy = sum(1 for c in done if c["rows"].get("stall_ms") and
                c["rows"]["stall_ms"]["measured"] >= 0.2 * 1e3 * statistics.mean(m["seconds"] for m in c["measured"]))
    lines += ["", f"- cells: {len(done)}; counts exact in {sum(c['exact'] for c in done)}; "
              f"stall at least 20 % of the run in {heavy} (stalls below {LEAST_STALL_US} us a step are not scored)",
              f"- TTFT and TPOT, mean absolute error: {statistics.mean(ours):.1f} %; of a predictor that says `no stall`: "
              f"{statistics.mean(naive):.1f} % ({statistics.mean(naive) / statistics.mean(ours):.1f} times ours)",
              f"- rank correlation of placements by TPOT (Kendall, {pairs} pairs outside the noise): "
              + ("-" if tau is None else f"{tau:.2f}"), "",
              "| group | trace | state | placement | options | stall ms | predicted | error % | noise % | tpot error % | ttft error % |",
              "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for c in done:
        stall = c["rows"].get("stall_ms")
        sign = lambda name: f"{c['rows'][name]['error']:+.1f}" if name in c["rows"] else "-"
        shown = f"{stall['measured']:.2f} | {stall['predicted']:.2f} | {stall['error']:+.1f} | {stall['noise']:.1f}" if stall else "- | - | - | -"
        lines.append(f"| {c['group']} | {c['trace']} | {c['state']} | `{c['placement']}` | {' '.join(c['options'])} | "
                     f"{shown} | {sign('tpot_ms')} | {sign('ttft_ms')} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--profile", type=Path)
    parser.add_argument("--program", default="build/release/tierscope")
    parser.add_argument("--group", action="append")
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    profile = options.profile or options.out / "here.toml"
    if not profile.exists():
        subprocess.run([options.program, "probe", "--model", options.model, "--out", str(profile)], check=True)
    raw = options.out / "cells.jsonl"
    done = [json.loads(line) for line in raw.read_text().splitlines()] if raw.exists() else []
    known = {(c["group"], c["trace"], c["placement"], c["state"], tuple(c["options"])) for c in done}
    for cell in cells():
        group, trace, _, placement, state, extra = cell
        if (options.group and group not in options.group) or (group, trace, placement, state, tuple(extra)) in known:
            continue
        print(f"validate: {group} {trace} {state} {placement} {' '.join(extra)}", file=sys.stderr)
        done.append(measure(options.program, options.model, profile, cell, options.repeats))
        with raw.open("a") as file:
            file.write(json.dumps(done[-1]) + "\n")
    text = report(done)
    (options.out / "validation.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
