"""N-gram tables."""
import json
import os

from frame import at_least, at_most, plain, ratios, section, values


@section(8, "addressing", "N-gram addressing, one core")
def addressing(bench):
    for name, runs in bench.benchmark("bench_ngram", repetitions=3, seconds=0.2).items():
        _, geometry, tokens = name.split("/")
        yield at_least(f"{geometry}_{tokens}", f"{geometry}, chunks of {tokens}", values(runs, "items_per_second", 1e-6), 100, "M rows/s", "bench_ngram")


@section(8, "ngram_reads", "Rows of an n-gram table of 8 GB beside fio's 4 KiB reads of it, in turns", whole=False)
def ngram_reads(bench):
    table, samples = os.path.join(bench.scratch, "table.gguf"), os.path.join(bench.scratch, "samples.json")
    bench.tierscope("synth", "ngram", table, "--table-bytes", "8GB", "--vocab", 262144, "--eos", 1)
    # Real text: filler would hash to a few rows.
    bench.run("scripts/compare-fio.sh", "--ngram", table, "traces/data/gsm8k_test.jsonl.zst", 2, 3, env={"COMPARE_JSON": samples, "TIERSCOPE": bench.program})
    with open(samples) as file:
        of = json.load(file)["samples"]
    command = "scripts/compare-fio.sh --ngram TABLE.gguf traces/data/gsm8k_test.jsonl.zst 2 3"
    yield plain("fio", "fio at its best depth", of["fio_deep"], "reads/s", command)
    for name, placement in (("row", "nvme"), ("page", "nvme,unit=page")):
        yield at_least(f"prefill_{name}", f"prefill in chunks of 2,048 tokens, `{placement}`, against fio",
                       [100 * share for share in ratios(of[f"prefill {placement}"], of["fio_deep"])], 90, "%", command)
        yield at_most(f"decode_{name}", f"decode step of 16 reads, `{placement}`, against fio's batches of 16",
                      ratios(of[f"decode {placement}"], of["fio_batch_us"]), 1.2, "x", command)
