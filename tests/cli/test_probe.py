"""A quick probe writes a profile that the other commands read, cleans up behind itself and refuses what cannot be."""
import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

PROGRAM = sys.argv[1]


def run(*words, code=0):
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done.stderr if code else done.stdout


with tempfile.TemporaryDirectory(dir=".") as folder:
    profile = Path(folder) / "here.toml"
    told = json.loads(run("probe", "--dir", folder, "--file-bytes", "64MiB", "--out", str(profile), "--rounds", "1",
                          "--seconds-per-point", "0.001", "-q", "--json"))
    assert told["sequential_bytes_per_s"] > 1e6 and told["numa_nodes"] >= 1
    assert [p.name for p in Path(folder).iterdir()] == ["here.toml"], "the scratch file must go"
    text = profile.read_text()
    for figure in ["depth = 128", "reads = 512", "block_bytes = 65536", "random_row_us", "step_us", "measured: tierscope probe"]:
        assert figure in text, figure
    priced = json.loads(run("simulate", "--trace", "traces/data/mt_bench.jsonl.zst", "--requests", "2", "--device",
                            str(profile), "--placement", "nvme", "--json"))[0]
    assert priced["stall_decode_ms"]["mean"] > 0
    # The decoder alone, again and again: all else stays.
    model, now = str(Path(folder) / "tiny.gguf"), Path(folder) / "now.toml"
    run("synth", "tiny", model)
    for before in [profile, now]:
        run("probe", "--model", model, "--update", str(before), "--out", str(now), "--rounds", "1", "-q")
    passes = now.read_text().split("[[compute.model]]")
    assert len(passes) == 2 and passes[0] == text, "one model, and what was there before"
    tokens = [int(line.split("=")[1]) for line in passes[1].splitlines() if line.startswith("tokens")]
    assert {1, 8, 9, 128} <= set(tokens), "points on both sides of where the cost jumps"
    assert "--model" in run("probe", "--update", str(profile), "--out", str(now), code=2)
    assert "64 MiB" in run("probe", "--dir", folder, "--file-bytes", "1MiB", "--out", str(profile), "-q", code=1)
    # On a device: its decoder's passes, copies and gathers, in a profile whose rows cross to it.
    if len(json.loads(run("devices", "--json"))["backends"]) > 1:
        model = str(Path(folder) / "wide.gguf")
        run("synth", "wide", model, "--ple", "F16")
        run("probe", "--backend", "opencl", "--model", model, "--out", str(profile), "--rounds", "1",
            "--seconds-per-point", "0.001", "-q")
        text = profile.read_text()
        for figure in ['on = "device"', "upload_bytes_per_s", "gather_latency_us", "the model's longest pass", 'name = "wide"']:
            assert figure in text, figure
        words = ["simulate", "--trace", "traces/data/mt_bench.jsonl.zst", "--requests", "1", "--device", str(profile),
                 "--model", model, "--json", "--placement"]
        latency_us = tomllib.loads(text)["vram"]["upload_latency_us"]["value"]
        for placement, crosses in (("vram", False), ("ram", True)):
            steps = json.loads(run(*words, placement, "--per-step"))[0]["per_step"]
            assert all((s["uploaded_us"] - s["begin_us"] >= latency_us) == crosses for s in steps), (placement, latency_us, steps[:2])
        assert "at least 34 bytes" in run("probe", "--backend", "opencl", "--dir", folder, "--file-bytes", "64MiB",
                                          "--row-bytes", "32", "--out", str(profile), "--rounds", "1",
                                          "--seconds-per-point", "0.001", "-q", code=1)
assert "seconds-per-point" in run("probe", "--out", "x.toml", "--seconds-per-point", "0", code=2)
print("ok")
