"""N-gram tables."""
from frame import at_least, section, values


@section(8, "addressing", "N-gram addressing, one core")
def addressing(bench):
    for name, runs in bench.benchmark("bench_ngram", repetitions=3, seconds=0.2).items():
        _, geometry, tokens = name.split("/")
        yield at_least(f"{geometry}_{tokens}", f"{geometry}, chunks of {tokens}", values(runs, "items_per_second", 1e-6), 100, "M rows/s", "bench_ngram")
