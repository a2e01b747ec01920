"""Measures every figure that has a goal, and writes docs/scoreboard.md and, beside it, docs/scoreboard.json.

    scoreboard.sh                          all sections that belong to the whole run, about 20 minutes
    scoreboard.sh --only SECTION ...       these; figures measured earlier stay
    scoreboard.sh --missing                those of the whole run that were not measured yet: goes on after Ctrl-C
    scoreboard.sh --list                   sections, and when each was measured
    scoreboard.sh --render                 measures nothing: writes the page and the quotations again
    scoreboard.sh --check                  the same without writing: exit 1 if a page differs

A page quotes a figure as <!-- score:SECTION.ROW -->...<!-- /score -->; what lies between is filled in from here.
"""
import argparse
import datetime
import importlib
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from frame import SECTIONS, Bench, NotMeasured  # noqa: E402

ISSUES = {2: "The main job", 3: "Policies and the planner", 4: "The NVMe tier", 5: "Compute", 6: "The device tier",
          7: "Time: predictions and tuning", 8: "N-gram tables", 9: "Traffic and text", 10: "The report and the program"}
QUOTING = ["README.md"]


def load_sections():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sections")
    sys.path.insert(0, folder)
    for name in sorted(os.listdir(folder)):
        if name.endswith(".py"):
            importlib.import_module(name[:-3])


def output_of(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def machine():
    with open("/proc/cpuinfo") as file:
        said = {key.strip(): value.strip() for key, colon, value in (line.partition(":") for line in file) if colon}
    cpu = said.get("model name", platform.machine())
    # Virtual machines call different CPUs by the same name.
    if "cpu family" in said:
        cpu += f" (family {said['cpu family']}, model {said['model']})"
    with open("/proc/meminfo") as file:
        memory = next(int(line.split()[1]) for line in file if line.startswith("MemTotal"))
    release = ".".join(platform.release().split(".")[:2])
    return f"{cpu}, {os.cpu_count()} CPUs, {memory / 2**20:.0f} GiB, {platform.system()} {release}"


def shown(value):
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def median(row):
    return statistics.median(row["samples"])


def figure(row):
    return f"{shown(median(row))} {row['unit']}".strip()


def goal_ratio(row):
    """1 or more: met. None where there is no goal, or no ratio to it."""
    value, goal = median(row), row["goal"]
    if goal is None:
        return None
    if row["relation"] == "exactly":
        return None if value != goal else 1.0
    above, below = (value, goal) if row["relation"] == "at least" else (goal, value)
    # Errors and stalls may well be 0, or below: nothing is left to be divided by.
    return above / below if below > 0 else None


def met(row):
    if row["goal"] is None:
        return None
    value = median(row)
    return {"at least": value >= row["goal"], "at most": value <= row["goal"], "exactly": value == row["goal"]}[row["relation"]]


def spread(row):
    value = median(row)
    return (max(row["samples"]) - min(row["samples"])) / abs(value) if len(row["samples"]) > 1 and value else None


def render(board):
    rows = [row for section in board["sections"].values() for row in section["rows"] if row["goal"] is not None]
    good = sum(1 for row in rows if met(row))
    text = ["# Scoreboard", "",
            f"Every figure with a goal: {good} of {len(rows)} goals met. Medians; spread is (largest - smallest) / median; ratio is to the "
            "goal, 1 or more meets it. Written by `scripts/scoreboard.sh`, which also explains `--only SECTION`; all samples are in "
            "`scoreboard.json`. MODEL is the full-size Gemma 4 E2B that `scripts/demo.sh` makes.", ""]
    machines = list(dict.fromkeys(section["machine"] for section in board["sections"].values() if section["rows"]))
    text += [f"- Machine {chr(65 + i)}: {name}" for i, name in enumerate(machines)] + [""]
    for issue, title in ISSUES.items():
        mine = [(name, section) for name, section in board["sections"].items() if section["issue"] == issue]
        if not mine:
            continue
        text += [f"## {title}", ""]
        for name, section in mine:
            text += [f"### {section['title']}", ""]
            if section["rows"]:
                letter = chr(65 + machines.index(section["machine"]))
                text += [f"Section `{name}`, machine {letter}, {section['measured']}, commit {section['commit']}, {section['seconds']:.0f} s.", "",
                         "| figure | goal | measured | ratio | met | spread | command |", "| --- | --- | --: | --: | --- | --: | --- |"]
            for row in section["rows"]:
                ratio, apart = goal_ratio(row), spread(row)
                goal = "" if row["goal"] is None else f"{row['relation']} {shown(row['goal'])} {row['unit']}".strip()
                cells = [row["what"] + (f" ({row['note']})" if row["note"] else ""), goal, figure(row),
                         "" if ratio is None else f"{ratio:.2f}" if ratio < 100 else f"{ratio:,.0f}",
                         {None: "", True: "yes", False: "**no**"}[met(row)], "" if apart is None else f"{100 * apart:.0f} %",
                         f"`{row['command']}`".replace("|", "\\|")]
                text.append("| " + " | ".join(cells) + " |")
            if section.get("failed"):
                text += ["", f"Not measured: {section['failed']}"]
            text.append("")
    tables = sorted(name for name in os.listdir("docs/measurements") if name.endswith(".md"))
    text += ["## Measured on their own", ""] + [f"- [{name[:-3]}](measurements/{name})" for name in tables]
    return "\n".join(text) + "\n"


def quote(text, board, path):
    known = {f"{name}.{row['name']}": row for name, section in board["sections"].items() for row in section["rows"]}

    def fill(match):
        row = known.get(match[1])
        if row is None:
            sys.exit(f"{path}: quotes '{match[1]}', which docs/scoreboard.json does not have: measure it, or take the quotation out")
        return f"<!-- score:{match[1]} -->{figure(row)}<!-- /score -->"
    return re.sub(r"<!-- score:([\w.-]+) -->.*?<!-- /score -->", fill, text, flags=re.S)


def write(path, text):
    with open(path + ".partial", "w") as file:
        file.write(text)
    os.replace(path + ".partial", path)


def read(path):
    with open(path) as file:
        return file.read()


def pages(board, out):
    """{path: what it should hold}"""
    wanted = {out + ".md": render(board)}
    return wanted | {path: quote(read(path), board, path) for path in QUOTING if os.path.exists(path)}


def measure(section, bench, board, save):
    """Rows are saved as they come, so that an interrupted run keeps them."""
    started = time.monotonic()
    before = {row["name"]: row for row in board["sections"].get(section.name, {}).get("rows", [])}
    rows, failed = {}, ""
    entry = {"issue": section.issue, "title": section.title}

    def keep(done):
        kept = list(rows.values()) + ([] if done else [row for name, row in before.items() if name not in rows])
        entry.update(rows=kept, machine=machine(), measured=datetime.date.today().isoformat(),
                     commit=output_of("git", "describe", "--always", "--dirty") or "unknown",
                     seconds=round(time.monotonic() - started, 1), failed=failed)
        board["sections"][section.name] = entry
        # In the order of the issues, whatever was measured first.
        board["sections"] = dict(sorted(board["sections"].items(), key=lambda item: (item[1]["issue"], list(SECTIONS).index(item[0]) if item[0] in SECTIONS else 99)))
        save()

    try:
        for row in section.measure(bench):
            rows[row["name"]] = row
            keep(False)
            print(f"  {row['what']}: {figure(row)}" + ("" if met(row) is None else "" if met(row) else "  MISSED"), file=sys.stderr, flush=True)
    except NotMeasured as error:
        failed = str(error)
    except (RuntimeError, KeyError, IndexError, OSError, ValueError) as error:
        failed = f"{type(error).__name__}: {str(error)[:300]}"
    if failed:
        print(f"  not measured: {failed}", file=sys.stderr, flush=True)
    keep(not failed)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--model", default="build/demo/gemma4-e2b.gguf", help="the full-size Gemma 4 E2B")
    parser.add_argument("--out", default="docs/scoreboard", help="without its ending")
    for name in ("missing", "list", "render", "check"):
        parser.add_argument("--" + name, action="store_true")
    parser.add_argument("--only", nargs="+", action="extend", metavar="SECTION")
    options = parser.parse_args()
    load_sections()
    unknown = set(options.only or []) - set(SECTIONS)
    if unknown:
        parser.error(f"no section is called '{min(unknown)}': --list names them")
    path = options.out + ".json"
    board = json.loads(read(path)) if os.path.exists(path) else {"scoreboard": 1, "sections": {}}

    def save():
        write(path, json.dumps(board, indent=1) + "\n")

    if options.list:
        for one in sorted(SECTIONS.values(), key=lambda one: one.issue):
            entry = board["sections"].get(one.name)
            when = f"{entry['measured']}, {entry['seconds']:.0f} s" if entry and entry["rows"] else "not measured"
            print(f"{one.name:<18} issue {one.issue:<3} {'' if one.whole else 'only when named; '}{when}; {one.title}")
        return
    if options.check:
        for path, text in pages(board, options.out).items():
            if not os.path.exists(path) or read(path) != text:
                sys.exit(f"{path}: differs from {options.out}.json: run scripts/scoreboard.sh --render")
        return
    if not options.render:
        chosen = [one for name, one in SECTIONS.items() if (name in options.only if options.only else one.whole)]
        if options.missing:
            chosen = [one for one in chosen if not board["sections"].get(one.name, {}).get("rows") or board["sections"][one.name].get("failed")]
        bench = Bench(options.build, options.model)
        for one in sorted(chosen, key=lambda one: one.issue):
            print(f"{one.name}: {one.title}", file=sys.stderr, flush=True)
            measure(one, bench, board, save)
    for path, text in pages(board, options.out).items():
        write(path, text)


main()
