"""Traffic and text."""
from frame import at_least, plain, section, values


@section(9, "tokenizer", "The tokenizer, one core")
def tokenizer(bench):
    # A vocabulary of full size where the model brings one; the golden one is small.
    for name, runs in bench.benchmark("bench_tokenizer", repetitions=3, seconds=0.3).items():
        way, file = name.split("/", 1)
        rate = values(runs, "bytes_per_second", 1e-6)
        key = f"{way}_{file.rsplit('/', 1)[-1]}"
        if way == "encode":
            yield at_least(key, f"encode {file}", rate, 5, "MB/s", "bench_tokenizer")
        else:
            yield plain(key, f"decode {file}", rate, "MB/s", "bench_tokenizer")
