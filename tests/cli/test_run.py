"""`run` on real tiers: a plan's cells, resume after kill -9 and Ctrl-C, shards, failing cells; then `report`."""
import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

program = os.path.abspath(sys.argv[1])
VOCABULARY = 2048

PLAN = """
name = "test"
seed = 3
[[matrix]]
sources = ["measured", "simulated"]
models = ["tiny.gguf"]
traces = ["t.jsonl"]
placements = ["nvme", "ram", "nvme+ram:48rows:lru", "nvme+ram:64rows:fifo"]
repeats = 3
[[curves]]
traces = ["t.jsonl"]
policies = ["lru"]
"""
CELLS, RESULTS = 8, 4 * 3 + 4 + 1


def tierscope(*arguments, **options):
    return subprocess.run([program, *arguments], capture_output=True, text=True, **options)


def check(condition, message):
    if not condition:
        sys.exit("FAILED: " + message)


def write_inputs():
    check(tierscope("synth", "tiny", "tiny.gguf").returncode == 0, "synth tiny")
    random.seed(1)
    token = lambda: min(VOCABULARY - 1, 4 + int(random.paretovariate(0.7)))
    with open("t.jsonl", "w") as file:
        file.write(json.dumps({"tierscope_trace": 1, "name": "t", "vocab_size": VOCABULARY, "tokenizer": "none", "license": "none"}) + "\n")
        for i in range(20):
            file.write(json.dumps({"id": str(i), "prompt": [token() for _ in range(40)], "output": [token() for _ in range(20)]}) + "\n")
    with open("plan.toml", "w") as file:
        file.write(PLAN)


def results(folder):
    with open(folder + "/results.jsonl") as file:
        return [json.loads(line) for line in file]


def check_whole(folder):
    found = results(folder)
    keys = [(one["cell"], one["repeat"]) for one in found]
    check(len(keys) == RESULTS and len(set(keys)) == RESULTS, f"{folder}: each repeat of each cell once, not {len(keys)}")
    check(all(one["status"] == "ok" for one in found), f"{folder}: {[one.get('error') for one in found]}")


def check_plain_run():
    done = tierscope("run", "plan.toml", "--out", "plain")
    check(done.returncode == 0, done.stderr)
    check(len(done.stderr.strip().splitlines()) == RESULTS and "left]" in done.stderr, "one plain line a result: " + done.stderr)
    check_whole("plain")
    order = [one["axes"]["placement"] for one in results("plain")]
    check(order != sorted(order), "cells are shuffled")
    by_placement = {}
    for one in results("plain"):
        if one["axes"]["source"] == "curve":
            check(len(one["output"]) > 3, "points of a curve")
            continue
        levels = [(level["hits"], level["misses"]) for level in one["output"]["levels"]]
        by_placement.setdefault(one["axes"]["placement"], set()).add(json.dumps([levels, one["output"]["backing"]["reads"]]))
    check(all(len(counts) == 1 for counts in by_placement.values()), f"run and simulation count alike: {by_placement}")
    manifest = json.load(open("plain/manifest.json"))
    check(manifest["machine"]["cpus"] >= 1 and len(manifest["models"][0]["xxh3_128"]) == 32, "the manifest")
    again = tierscope("run", "plan.toml", "--out", "plain")
    check(again.returncode == 1 and "--resume" in again.stderr, "a used folder needs --resume: " + again.stderr)
    resumed = tierscope("run", "plan.toml", "--out", "plain", "--resume", "-q")
    check(resumed.returncode == 0 and resumed.stderr == "", "nothing left to do, quietly: " + resumed.stderr)
    check_whole("plain")


def check_predictions():
    """Each way to compute, measured and priced on a device."""
    with open("priced.toml", "w") as file:
        file.write("""
name = "priced"
[[matrix]]
sources = ["measured", "simulated"]
models = ["tiny.gguf"]
traces = ["t.jsonl"]
placements = ["nvme+ram:48rows:lru"]
compute = ["none", "real", "paced:server-h100"]
devices = ["phone-ufs4"]
requests = 1
repeats = 1
""")
    done = tierscope("run", "priced.toml", "--out", "priced", "-q")
    check(done.returncode == 0, done.stderr)
    computes = sorted((one["axes"]["source"], one["axes"]["compute"]) for one in results("priced"))
    check(computes == [("measured", "none"), ("measured", "paced:server-h100"), ("measured", "real"),
                       ("simulated", "none"), ("simulated", "paced:server-h100"), ("simulated", "profile")], f"all are there: {computes}")


def check_interruption(folder, number):
    process = subprocess.Popen([program, "run", "plan.toml", "--out", folder], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 20
    while not (os.path.exists(folder + "/results.jsonl") and len(results_so_far(folder)) >= 3):
        check(time.monotonic() < deadline and process.poll() is None, "the run makes results")
        time.sleep(0.005)
    process.send_signal(number)
    _, err = process.communicate()
    check(process.returncode != 0, "an interrupted run does not pass for a whole one")
    if number == signal.SIGINT:
        check("--resume continues" in err, "how to go on: " + err)
    before = results_so_far(folder)
    with open(folder + "/results.jsonl", "a") as file:
        file.write('{"tierscope_result":1,"torn')
    done = tierscope("run", "plan.toml", "--out", folder, "--resume")
    check(done.returncode == 0, done.stderr)
    check_whole(folder)
    check(results(folder)[: len(before)] == before, "what was finished stays as it was")


def results_so_far(folder):
    with open(folder + "/results.jsonl") as file:
        return [json.loads(line) for line in file if line.endswith("\n")]


def check_shards():
    for k in (1, 2):
        check(tierscope("run", "plan.toml", "--out", f"shard{k}", "--shard", f"{k}/2").returncode == 0, f"shard {k}")
    done = tierscope("report", "shard1", "shard2", "--out", "merged.csv")
    check(done.returncode == 0, "report of shards: " + done.stderr)
    check(tierscope("report", "plain", "--out", "plain.csv").returncode == 0, "report of a run")
    rows = lambda path: sorted((row["cell"], row["hit_ratio"], row["reads"]) for row in csv.DictReader(open(path)))
    check(rows("merged.csv") == rows("plain.csv") and len(rows("plain.csv")) == CELLS, "shards merge into the whole")


def check_report():
    done = tierscope("report", "plain")
    check(done.returncode == 0, done.stderr)
    check("nvme+ram:48rows:lru" in done.stdout and "NOT MEASURED: counted" in done.stdout, done.stdout)
    check(os.path.getsize("plain/report.html") > 500_000 and os.path.exists("plain/results.csv"), "HTML and CSV beside the results")
    both = tierscope("report", "plain", "shard1", "--compare", "--out", "both.md")
    check(both.returncode == 0 and "## Compared with test" in open("both.md").read(), both.stderr)
    wrong = tierscope("report", "plain", "--out", "x.pdf")
    check(wrong.returncode == 2 and ".html" in wrong.stderr, wrong.stderr)
    missing = tierscope("report", "nowhere")
    check(missing.returncode == 1 and "nowhere" in missing.stderr and missing.stderr.count("\n") == 1, missing.stderr)


def check_failures():
    with open("failing.toml", "w") as file:
        file.write(PLAN.replace('"nvme+ram:64rows:fifo"', '"nvme+ram:4000rows:lru"').replace("repeats = 3", "repeats = 1"))
    done = tierscope("run", "failing.toml", "--out", "failing")
    check(done.returncode == 1 and "cells failed" in done.stderr, done.stderr)
    bad = [one for one in results("failing") if one["status"] == "failed"]
    check(len(bad) == 2 and all("4000" in one["command"] and one["error"] for one in bad), f"failures say why: {bad}")
    check("FAILED" in tierscope("report", "failing", "--out", "f.md").stdout, "the report shows failures")
    os.utime("tiny.gguf", ns=(1, 1))
    with open("tiny.gguf", "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x7f")
    changed = tierscope("run", "plan.toml", "--out", "plain", "--resume")
    check(changed.returncode == 1 and "changed since" in changed.stderr, changed.stderr)


with tempfile.TemporaryDirectory(dir=os.path.dirname(program)) as folder:
    os.chdir(folder)
    write_inputs()
    check_plain_run()
    check_predictions()
    check_interruption("killed", signal.SIGKILL)
    check_interruption("stopped", signal.SIGINT)
    check_shards()
    check_report()
    check_failures()
    os.chdir("/")
