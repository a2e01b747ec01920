"""The report and the program."""
import re

from frame import at_most, section


@section(10, "spans", "What a timeline costs: replay with --trace-out against without, in turn")
def spans(bench):
    def extra(pairs, *words):
        """Percent of extra time, pair by pair; which of the two comes first alternates, so that a drift cancels out."""
        percents = []
        for pair in range(pairs):
            seconds = {}
            for traced in (pair % 2 == 0, pair % 2 == 1):
                more = ["--trace-out", bench.scratch + "/spans.json"] if traced else []
                seconds[traced] = bench.replay(*words, *more)["seconds"]
            percents.append(100 * (seconds[True] / seconds[False] - 1))
        return percents

    for name, title, trace, words, pairs in (("rows", "rows only, a whole trace, each row read", "humaneval", ["--placement", "nvme", "--compute", "none"], 21),
                                             ("paced", "a token takes 10 ms, four requests", "mt_bench", ["--placement", "nvme+ram:1024rows:lru", "--compute", "paced:10ms", "--requests", 4], 3)):
        words = ["--trace", f"traces/data/{trace}.jsonl.zst", *words]
        yield at_most(name, f"extra time, {title}", extra(pairs, *words), 2, "%", f"tierscope replay MODEL {' '.join(map(str, words))} [--trace-out FILE]")


@section(10, "page", "The report's page in headless Chromium")
def page(bench):
    out = bench.run("python3", "tests/web/test_page.py", bench.program)
    milliseconds = float(re.search(r"10,000 cells: ([\d.]+) ms", out)[1])
    yield at_most("ten_thousand", "10,000 cells load", milliseconds / 1000, 3, "s", "ctest --preset release -R web.page -V")
