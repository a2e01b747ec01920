"""The report and the program."""
import re

from frame import at_most, section


@section(10, "spans", "What a timeline costs: replay with --trace-out against without, in turn")
def spans(bench):
    for name, title, words in (("rows", "rows only, whole chat trace", ["--compute", "none"]), ("decoder", "with the decoder, one request", ["--requests", 1])):
        words = ["--trace", "traces/data/mt_bench.jsonl.zst", "--placement", "nvme+ram:1024rows:lru", *words]
        extra = []
        for _ in range(7 if name == "rows" else 3):
            without, traced = (bench.replay(*words, *more)["seconds"] for more in ((), ("--trace-out", bench.scratch + "/spans.json")))
            extra.append(100 * (traced / without - 1))
        yield at_most(name, f"extra time, {title}", extra, 2, "%", f"tierscope replay MODEL {' '.join(map(str, words))} [--trace-out FILE]")


@section(10, "page", "The report's page in headless Chromium")
def page(bench):
    out = bench.run("python3", "tests/web/test_page.py", bench.program)
    milliseconds = float(re.search(r"10,000 cells: ([\d.]+) ms", out)[1])
    yield at_most("ten_thousand", "10,000 cells load", milliseconds / 1000, 3, "s", "ctest --preset release -R web.page -V")
