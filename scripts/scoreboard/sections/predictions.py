"""Predictions and tuning."""
import time

from frame import at_least, at_most, section, values
from policies import long_trace


@section(7, "model_speed", "The timing model and the tuner")
def model_speed(bench):
    for name, runs in bench.benchmark("bench_timing", repetitions=3, seconds=0.2).items():
        yield at_least(name.split("/")[-1], f"accesses priced, {name.split('/')[-1].replace('_', ' ')}", values(runs, "items_per_second", 1e-6), 2, "M/s", "bench_timing")
    trace = long_trace(bench, 1_000_000)
    start = time.monotonic()
    bench.json("tune", "--device", "phone-ufs4", "--model", "gemma4-e2b", "--trace", trace)
    yield at_most("tune", "tune over a trace of 1 M accesses", time.monotonic() - start, 30, "s", "tierscope tune --device phone-ufs4 --model gemma4-e2b --trace 1M")


@section(7, "tuned", "The tuned placement beside its neighbours, measured", whole=False)
def tuned(bench):
    here, trace = f"{bench.scratch}/here.toml", "traces/data/mt_bench.jsonl.zst"
    bench.tierscope("probe", "--model", bench.model, "--seconds-per-point", 0.05, "--out", here, "-q")
    found = bench.json("tune", "--device", here, "--model", bench.model, "--trace", trace, "--requests", 2, "--objective", "latency:memory=64MiB")
    others = [other["placement"] for other in found["sensitivity"] if other["memory_bytes"] <= 64 << 20][:6]
    # Paced: the decoder's own noise would hide what placements differ in.
    tpot = {text: bench.replay("--trace", trace, "--requests", 1, "--compute", f"paced:{here}", "--placement", text)["tpot_ms"]["mean"]
            for text in [found["placement"], *others]}
    regret = 100 * (tpot[found["placement"]] / min(tpot.values()) - 1)
    yield at_most("regret", f"TPOT of {found['placement']} above the best of {len(tpot)}", regret, 2, "%", "tierscope tune, then replay --compute paced:HERE of the choice and its neighbours")
