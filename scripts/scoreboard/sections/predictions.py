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
