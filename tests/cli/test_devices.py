"""Device profiles, timed simulation and tuning from outside: what is printed, and how wrong input is refused."""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = sys.argv[1]
TRACE = ["--trace", "traces/data/mt_bench.jsonl.zst", "--requests", "6"]


def run(*words, code=0):
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    if code:
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        return done.stderr
    return done.stdout


devices = json.loads(run("devices", "--json"))
devices = devices["profiles"] if isinstance(devices, dict) else devices
names = [device["name"] for device in devices]
for name in ["phone-ufs4", "raspberry-pi5-sd", "raspberry-pi5-nvme", "laptop-gen4-8gb", "mini-pc-unified",
             "jetson-orin-nano", "desktop-24gb", "server-h100"]:
    assert name in names, name

with tempfile.TemporaryDirectory() as folder:
    mine = Path(folder) / "mine.toml"
    mine.write_text(run("devices", "--template"))
    assert "template" in run("devices", str(mine))
    shown = json.loads(run("simulate", *TRACE, "--device", str(mine), "--placement", "nvme", "--json"))[0]
    assert shown["stall_decode_ms"]["mean"] > 0 and shown["nvme"]["iops"] > 0
    timeline = Path(folder) / "timeline.json"
    run("simulate", *TRACE, "--device", "phone-ufs4", "--placement", "nvme", "--trace-out", str(timeline), "--json")
    assert "wait for rows" in timeline.read_text()
    mine.write_text(mine.read_text().replace("value = 2.0e9", "value = 0"))
    refused = run("simulate", *TRACE, "--device", str(mine), "--placement", "nvme", code=1)
    assert "sequential_bytes_per_s" in refused and "impossible" in refused, refused

words = ["simulate", *TRACE, "--device", "phone-ufs4", "--model", "gemma4-e2b", "--json"]
plain, cached = (json.loads(run(*words, "--placement", p))[0] for p in ["nvme", "nvme+ram:4096rows:lru"])
assert plain["tpot_ms"]["mean"] > cached["tpot_ms"]["mean"]
assert plain["compute"] == "real" and plain["device"] == "phone-ufs4"
assert json.loads(run(*words, "--placement", "nvme"))[0]["seconds"] == plain["seconds"]
steps = json.loads(run(*words, "--placement", "nvme", "--per-step"))[0]["per_step"]
assert len(steps) == plain["steps"] and all(s["begin_us"] <= s["needed_us"] <= s["end_us"] for s in steps)
moved = json.loads(run(*words, "--placement", "nvme", "--compute", "none"))[0]
assert moved["tpot_ms"]["mean"] < plain["tpot_ms"]["mean"] and moved["backing"] == plain["backing"]
paced = json.loads(run(*words, "--placement", "nvme", "--compute", "paced:raspberry-pi5-sd"))[0]
assert paced["tpot_ms"]["mean"] > plain["tpot_ms"]["mean"]
# Every token takes as long, whatever the device; a step's time comes on top of it.
even = json.loads(run(*words, "--placement", "nvme", "--compute", "paced:100ms", "--per-step"))[0]
passes = [s["end_us"] - s["begin_us"] - s["stall_us"] for s in even["per_step"]]
assert even["compute"] == "paced:100ms" and all(100e3 <= us < 101e3 for us in passes), (min(passes), max(passes))
slow = json.loads(run(*words, "--placement", "nvme", "--emulate", "raspberry-pi5-sd"))[0]
assert slow["stall_decode_ms"]["mean"] > 2 * plain["stall_decode_ms"]["mean"]

tuned = json.loads(run("tune", "--device", "phone-ufs4", "--model", "gemma4-e2b", *TRACE, "--json"))
assert tuned["chosen"]["tpot_ms"] <= 1.05 * tuned["all_fast"]["tpot_ms"]
assert tuned["placement"] in run("tune", "--device", "phone-ufs4", "--model", "gemma4-e2b", *TRACE)

assert "'phone-ufs4'" in run("simulate", *TRACE, "--device", "phone-ufs5", "--placement", "nvme", code=2)
assert "no VRAM" in run("simulate", *TRACE, "--device", "phone-ufs4", "--placement", "vram", code=2)
assert "'gemma4-e2b'" in run("tune", "--device", "phone-ufs4", "--model", "gemma4-e2c", *TRACE, code=2)
assert "nearest" in run("tune", "--device", "phone-ufs4", "--model", "gemma4-e2b", *TRACE, "--objective",
                        "memory:p99=1ms", code=2)
assert "future" in run("tune", "--device", "phone-ufs4", "--model", "gemma4-e2b", *TRACE, "--policy", "belady", code=2)
print("ok")
