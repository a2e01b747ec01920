"""The tables of the n-gram report, as Markdown: python3 scripts/ngram_tables.py REPORT.json (tierscope report DIR --json)."""
import json
import sys

report = json.load(open(sys.argv[1]))
MIB = 2**20
UNIGRAM = "token, "


def size(count):
    return f"{count / 2**30:g} GiB" if count >= 2**30 else f"{count / MIB:g} MiB"


def table(head, rows):
    print("| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
    for cells in rows:
        print("| " + " | ".join(cells) + " |")
    print()


def short(trace):
    return trace.split(".")[0]


def curves():
    """{(trace, table): {policy: {asked capacity: point}}}; a point at the table's own size stands for all above."""
    found = {}
    for point in report["curves"]:
        by_policy = found.setdefault((short(point["trace"]), point["table"]), {})
        by_policy.setdefault(point["policy"], []).append(point)
    return found


def nearest(points, wanted):
    """The largest capacity that was asked for and is no more than wanted, rounding of a unit apart."""
    fitting = [p for p in points if p["capacity_bytes"] <= wanted * 1.0001]
    best = max(fitting, key=lambda p: p["capacity_bytes"], default=None)
    return best if best and (best["capacity_bytes"] > wanted * 0.9 or best is max(points, key=lambda p: p["capacity_bytes"])) else None


def hit_tables():
    sizes = [16 * MIB * 4**i for i in range(6)]
    print("## Hit ratio against cache size\n\nShare of row (or page) accesses that a RAM cache serves, and the most that any cache can "
          "that starts empty: all but compulsory misses.\n")
    for (trace, name), by_policy in sorted(curves().items()):
        compulsory = {policy: points[0]["compulsory_miss_ratio"] for policy, points in by_policy.items()}
        print(f"### {trace}, {name}\n")
        rows = []
        for policy, points in sorted(by_policy.items()):
            at = [nearest(points, wanted) for wanted in sizes]
            rows.append([policy, *(f"{1 - p['miss_ratio']:.1%}" if p else "" for p in at), f"{1 - compulsory[policy]:.1%}"])
        table(["policy", *map(size, sizes), "bound"], rows)


def axis(i, name):
    column = report["cells"]["axes"][name]
    return column["names"][column["index"][i]]


def metric(i, name):
    return report["cells"]["figures"][name]["median"][i]


def time_tables():
    print("## What it means in time\n\nHow long a step waits for rows where nothing hides it (`--compute none`), added to TTFT and TPOT. The "
          "first 300 requests of each trace, prompts in chunks of up to 2,048 tokens, caches empty at the start.\n")
    groups = {}
    for i in range(report["cells"]["count"]):
        groups.setdefault((axis(i, "device"), short(axis(i, "trace"))), []).append(i)
    for (device, trace), cells in sorted(groups.items()):
        print(f"### {device}, {trace}\n")
        rows = [[f"`{axis(i, 'placement')}`", *(figure(metric(i, name), digits) for name, digits in FIGURES)]
                for i in sorted(cells, key=lambda i: -(metric(i, "ttft_stall_ms_mean") or 0))]
        table(["placement", "hit ratio", "added to TTFT, ms", "added to TPOT, ms"], rows)


FIGURES = (("hit_ratio", 3), ("ttft_stall_ms_mean", 2), ("stall_decode_ms_mean", 4))


def figure(value, digits):
    return "" if value is None else f"{value:.{digits}f}"


print("# " + report["title"] + "\n")
hit_tables()
time_tables()
