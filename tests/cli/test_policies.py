"""Commands around policies: learn, mrc, policies, and what simulate says to bad placements."""
import json
import os
import subprocess
import sys
import tempfile

program = sys.argv[1]
trace = "traces/data/mt_bench.jsonl.zst"
folder = tempfile.mkdtemp()


def run(*words):
    return subprocess.run([program, *words], capture_output=True, text=True)


def ok(*words):
    done = run(*words)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def refused(*words, code=2, says=()):
    done = run(*words)
    assert done.returncode == code, (words, done.returncode, done.stderr)
    assert done.stdout == "" and done.stderr.count("\n") == 1, (words, done.stdout, done.stderr)
    for part in says:
        assert part in done.stderr, (words, part, done.stderr)


def simulate(placement, *words):
    return ("simulate", "--trace", trace, "--placement", placement, *words)


listed = json.loads(ok("policies", "--json"))
names = [policy["name"] for policy in listed]
assert len(names) == len(set(names)) >= 17
for policy in listed:
    assert policy["paper"] and policy["summary"], policy
    for parameter in policy["parameters"]:
        if parameter["default"] not in ("", "none"):
            ok(*simulate(f"nvme+ram:64rows:{policy['name']}:{parameter['name']}={parameter['default']}"))
assert all(name in ok("policies") for name in names)

hot = os.path.join(folder, "chat.hot")
ok("learn", "--trace", trace, "--out", hot)
best = json.loads(ok(*simulate(f"nvme+ram:1024rows:pin-frequency:from={hot}", "--json")))[0]["levels"][0]
rank = json.loads(ok(*simulate("nvme+ram:1024rows:pin-rank", "--json")))[0]["levels"][0]
assert best["hits"] > rank["hits"] and best["evictions"] == 0, (best, rank)

refused(*simulate("nvme+ram:64rows:lur"), says=["'lur'", "'lru'"])
refused(*simulate("nvme+ram:64rows:s3fifo:smal=10%"), says=["'smal'", "'small'"])
refused(*simulate("nvme+ram:64rows:s3fifo:small=lots"), says=["s3fifo:small", "10%"])
refused(*simulate("nvme+ram:64rows:clock:bits=9"), says=["clock:bits", "1 to 8"])
refused(*simulate("nvme+ram:64rows:lru:admit=maybe"), says=["'maybe'", "tinylfu"])
refused(*simulate("nvme+ram:64rows:pin-rank:admit=tinylfu"), says=["takes no parameters"])
refused(*simulate("nvme+ram:64rows:clock:bits=1:bits=2"), says=["given twice"])
refused(*simulate("nvme+ram:0rows:lru"), says=["holds nothing"])
refused(*simulate("nvme+ram:100:lru"), says=["no room for one row"])
refused(*simulate("nvme+ram:300000rows:lru"), says=["larger than the table"])
refused(*simulate("ram+nvme:64rows:lru"), says=["bottom to top"])
refused(*simulate("nvme+nvme:64rows:lru"), says=["twice"])
refused(*simulate("nvme+ram:64rows:lru+ram:32rows:lru"), says=["twice"])
refused(*simulate("nvme+ram:64rows:lru", "--rows", "500"), says=["table of 500"])
refused(*simulate(f"nvme+ram:64rows:pin-frequency:from={hot}", "--rows", "270000"), says=[hot, "262144", "270000"])
refused(*simulate(f"nvme+ram:64rows:pin-frequency:from={hot}.none"), code=1, says=[hot])
refused("learn", "--trace", trace + ".none", "--out", hot, code=1, says=[".none"])

curves = json.loads(ok("mrc", "--trace", trace, "--policy", "lru", "--policy", "arc", "--capacities", "64,256,1024", "--json"))
assert [(c["policy"], c["capacity_rows"]) for c in curves] == [(p, c) for p in ("lru", "arc") for c in (64, 256, 1024)]
for curve in curves:
    level = json.loads(ok(*simulate(f"nvme+ram:{curve['capacity_rows']}rows:{curve['policy']}", "--json")))[0]["levels"][0]
    assert abs(curve["miss_ratio"] - level["misses"] / (level["hits"] + level["misses"])) < 1e-9, (curve, level)
csv, svg = os.path.join(folder, "c.csv"), os.path.join(folder, "c.svg")
small = run("mrc", "--trace", trace, "--policy", "lru", "--sampled", "0.1", "--csv", csv, "--plot", svg, "--points", "4")
assert small.returncode == 0 and "standard errors" in small.stderr, small.stderr
assert open(csv).read().count("\n") == 5
assert "MIN (belady-bypass)" in open(svg).read()
refused("mrc", "--trace", trace, "--policy", "lru", "--capacities", "64,many", says=["--capacities", "'many'"])
refused("mrc", "--trace", trace, "--policy", "lru", "--unit", "page", says=["--row-bytes"])
refused("mrc", "--trace", trace, "--policy", "lru", "--unit", "pgae", says=["'pgae'", "'page'"])
refused("mrc", "--trace", trace, "--policy", "lru", "--capacities", "1MiB", says=["--row-bytes"])
paged = json.loads(ok("mrc", "--trace", trace, "--policy", "lru", "--policy", "s3fifo", "--unit", "page", "--row-bytes", "170",
                      "--capacities", "64KiB,256KiB", "--json"))
for curve in paged:
    level = json.loads(ok(*simulate(f"nvme+ram:{curve['capacity_bytes']}:{curve['policy']},unit=page", "--row-bytes", "170", "--json")))[0]["levels"][0]
    assert curve["capacity_rows"] * 4096 == curve["capacity_bytes"] and curve["capacity_rows"] == level["capacity_rows"]
    assert abs(curve["miss_ratio"] - level["misses"] / (level["hits"] + level["misses"])) < 1e-9, (curve, level)
    assert curve["compulsory_miss_ratio"] <= curve["miss_ratio"]
refused("mrc", "--trace", trace, "--policy", "lru", "--sampled", "0", says=["--sampled"])
refused("mrc", "--trace", trace, "--policy", "pin-rank", "--sampled", "0.5", says=["pin-rank", "--sampled"])
