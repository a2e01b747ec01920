"""Policies and the planner: agreement with an independent simulator, speed."""
import csv
import json
import subprocess
import time

from frame import at_least, at_most, section, values

# M accesses/s that libCacheSim reached on a 2-core machine (capacity 4,096 rows); the goal is five times that.
LIBCACHESIM = {"lru": 22, "fifo": 23, "clock": 20, "sieve": 23, "arc": 17, "s3fifo": 8.6, "wtinylfu": 7.9, "lirs": 7}
# To the four digits of the reference, or within 0.005.
AGREEMENT = {"fifo": 5e-5, "lru": 5e-5, "clock": 5e-5, "sieve": 5e-5, "belady": 5e-5, "arc": 0.005, "s3fifo": 0.005, "slru": 0.005, "twoq": 0.005}
OUR_NAME = {"twoq": "2q"}


@section(3, "agreement", "Miss ratios beside libCacheSim's, largest difference")
def agreement(bench):
    expected = {}
    with open("tests/golden/data/miss-ratios.csv") as file:
        for line in csv.DictReader(file):
            expected.setdefault(line["policy"], {}).setdefault(line["trace"], {})[int(line["capacity_rows"])] = float(line["miss_ratio"])
    for policy, bound in AGREEMENT.items():
        worst = 0
        for trace, ratios in expected[policy].items():
            points = bench.json("mrc", "--trace", f"traces/data/{trace}.jsonl.zst", "--policy", OUR_NAME.get(policy, policy),
                                "--capacities", ",".join(map(str, ratios)))
            worst = max([worst] + [abs(point["miss_ratio"] - ratios[point["capacity_rows"]]) for point in points if point["capacity_rows"] in ratios])
        yield at_most(policy, f"{OUR_NAME.get(policy, policy)}, {sum(map(len, expected[policy].values()))} values", worst, bound, "",
                      f"tierscope mrc --trace F --policy {OUR_NAME.get(policy, policy)} --capacities ...")


@section(3, "policies", "Speed of policies, one thread, through the Planner (goal: 5 x libCacheSim)")
def policies(bench):
    runs = bench.benchmark("bench_policies", filter="^(" + "|".join(LIBCACHESIM) + ")$", repetitions=5, seconds=0.1)
    for policy, peer in LIBCACHESIM.items():
        yield at_least(policy, policy, values(runs[policy], "items_per_second", 1e-6), 5 * peer, "M accesses/s", "bench_policies")


@section(3, "curves", "Miss-ratio curves and sweeps")
def curves(bench):
    exact = bench.benchmark("bench_curve", repetitions=5, seconds=0.2)
    yield at_least("exact_lru", "exact lru curve over all capacities", values(next(iter(exact.values())), "items_per_second", 1e-6), 20, "M accesses/s", "bench_curve")
    # The bundled trace again and again, as the benchmarks have it.
    trace = long_trace(bench, 4_000_000)
    ten = "fifo lru clock sieve slru 2q arc s3fifo lfu wtinylfu".split()
    words = [word for policy in ten for word in ("--policy", policy)]
    seconds = []
    for _ in range(2):
        start = time.monotonic()
        bench.json("mrc", "--trace", trace, *words, "--points", 12)
        seconds.append(time.monotonic() - start)
    yield at_most("sweep", "10 policies x 12 capacities over 4 M accesses, two threads, reading the trace included", seconds, 10, "s",
                  "tierscope mrc --trace 4M --policy ... --points 12")
    for policy in ("lru", "s3fifo"):
        points = "64,300,600,900,1200,1500,1800,2100,2400,2700,3000,3300,3600,3900,4200"
        errors = []
        for seed in range(1, 6):
            full, part = (bench.json("mrc", "--trace", "traces/data/mgsm.jsonl.zst", "--policy", policy, "--capacities", points, *more)
                          for more in ((), ("--sampled", 0.3, "--seed", seed)))
            sampled = {point["capacity_rows"]: point["miss_ratio"] for point in part}
            differences = [abs(point["miss_ratio"] - sampled[point["capacity_rows"]]) for point in full if point["capacity_rows"] in sampled]
            errors.append(sum(differences) / len(differences))
        yield at_most(f"sampled_{policy}", f"sampled {policy} curve, mean absolute error (five seeds, mgsm)", errors, 0.01, "",
                      f"tierscope mrc --trace traces/data/mgsm.jsonl.zst --policy {policy} --sampled 0.3")


def long_trace(bench, tokens):
    """The bundled mgsm, repeated to so many tokens."""
    lines = subprocess.run(["zstd", "-dc", "traces/data/mgsm.jsonl.zst"], capture_output=True, text=True, check=True).stdout.splitlines()
    header, requests = json.loads(lines[0]), lines[1:]
    once = sum(len(request["prompt"]) + len(request["output"]) for request in map(json.loads, requests))
    path = f"{bench.scratch}/{tokens}.jsonl"
    with open(path, "w") as file:
        file.write(json.dumps({key: header[key] for key in ("tierscope_trace", "name", "vocab_size", "tokenizer", "license")}) + "\n")
        for _ in range(-(-tokens // once)):
            file.write("\n".join(requests) + "\n")
    return path
