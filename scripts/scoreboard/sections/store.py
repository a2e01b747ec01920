"""The NVMe tier: gathers beside mmap and fio, RAM hits, paced stalls, memory."""
import os
import re

from frame import at_least, at_most, plain, ratios, section, values


@section(4, "gathers", "Cold gathers of E2B rows (9,520 B), all in one run")
def gathers(bench):
    runs = bench.benchmark("bench_row_gather", bench.model, repetitions=3, seconds=0.3)
    command = "bench_row_gather MODEL"

    def of(path, rows):
        return next(many for name, many in runs.items() if name.startswith(f"{path}/{rows}/"))

    for rows, goal in ((512, 8), (4096, 10)):
        ours = of("io_uring", rows)
        yield plain(f"io_uring_{rows}", f"{rows} rows, io_uring", values(ours, "real_time"), "ms", command)
        for path, title in (("plain_mmap/2_threads", "a plain mmap loop, two threads"), ("mmap/2_threads", "access=mmap"), ("pread/16_threads", "access=pread")):
            theirs = of(path, rows)
            yield plain(f"{path.split('/')[0]}_{rows}", f"{rows} rows, {title}", values(theirs, "real_time"), "ms", command)
            if path.startswith("mmap"):
                yield at_least(f"gain_{rows}", f"{rows} rows, io_uring against access=mmap with two threads",
                               ratios(values(theirs, "real_time"), values(ours, "real_time")), goal, "x", command)
    yield at_most("cpu_us", "CPU time of a row read", values(of("io_uring", 4096), "cpu_us_per_row"), 6, "us", command)
    hit = {name.split("/")[1]: many for name, many in runs.items() if name.startswith("ram_hit/")}
    yield at_most("lookup_ns", "RAM hit, the lookup", values(hit["lookup"], "ns_per_row", 1e9 if hit["lookup"][0]["ns_per_row"] < 1e-3 else 1), 50, "ns", command)
    copy = next(many for name, many in runs.items() if name.startswith("plain_copy"))
    yield at_least("delivery", "RAM hit, delivery against one thread's copy bandwidth",
                   ratios(values(hit["delivery"], "bytes_per_second", 100), values(copy, "bytes_per_second")), 80, "%", command)


@section(4, "fio", "The reader beside fio: same file range, same sizes of reads, fio's best depth up to 128")
def fio(bench):
    for rows in (512, 4096):
        shares = []
        for _ in range(2):
            line = bench.run("scripts/compare-fio.sh", bench.model, rows, 2)
            shares.append(float(re.search(r"([\d.]+)%\s*$", line.strip())[1]))
        yield at_least(f"share_{rows}", f"gathers of {rows} rows, of fio's reads/s", shares, 90, "%", f"scripts/compare-fio.sh MODEL {rows} 2")


@section(4, "paced", "Stall where a token takes 10 ms, chat, table on the disk")
def paced(bench):
    words = ["--trace", "traces/data/mt_bench.jsonl.zst", "--requests", 12, "--compute", "paced:10ms"]
    for name, placement in (("overlap", "nvme,prefetch=overlap"), ("none", "nvme")):
        runs = [bench.replay(*words, "--placement", placement) for _ in range(2)]
        command = f"tierscope replay MODEL --trace traces/data/mt_bench.jsonl.zst --requests 12 --compute paced:10ms --placement {placement}"
        for quantile, goal in (("p50", 1), ("p99", 5)):
            shares = [100 * run["stall_decode_ms"][quantile] / run["tpot_ms"]["p50" if run["tpot_ms"]["p50"] else "mean"] for run in runs]
            if name == "overlap":
                yield at_most(f"overlap_{quantile}", f"with overlap, decode stall at {quantile} of TPOT", shares, goal, "%", command)
            else:
                yield plain(f"none_{quantile}", f"without, decode stall at {quantile} of TPOT", shares, "%", command)


@section(4, "memory", "Peak memory with a cache of 64 MiB, chunk 512")
def memory(bench):
    shape = bench.json("inspect", bench.model)
    table = shape["ple"]["table_bytes"]
    rest = os.path.getsize(bench.model) - table
    run = bench.replay("--trace", "traces/data/mt_bench.jsonl.zst", "--requests", 1, "--placement", "nvme+ram:64MiB:lru", "--chunk", 512)
    goal = rest * 1.05 + run.get("kv_bytes", 0) + (64 + 128) * 2**20
    yield at_most("peak", "peak RSS", run["peak_rss_bytes"] / 1e9, goal / 1e9, "GB",
                  "tierscope replay MODEL --trace traces/data/mt_bench.jsonl.zst --requests 1 --placement nvme+ram:64MiB:lru --chunk 512",
                  "goal: (file - table) x 1.05 + KV + 64 MiB + 128 MiB")
