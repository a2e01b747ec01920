"""synth, inspect and simulate --model from outside: what they print, and how they refuse."""
import json
import os
import resource
import struct
import subprocess
import sys
import tempfile

PROGRAM = sys.argv[1]


def run(*words, expect=0):
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True)
    assert done.returncode == expect, (words, done.returncode, done.stderr)
    if expect:
        assert done.stdout == "", done.stdout
        assert done.stderr.count("\n") == 1 and done.stderr.startswith("tierscope: "), done.stderr
    return done.stdout if expect == 0 else done.stderr


def check_inspect(folder):
    model = f"{folder}/tiny.gguf"
    run("synth", "tiny", model, "--seed", "3")
    told = json.loads(run("inspect", model, "--json"))
    assert told["architecture"] == "gemma4" and told["can_run"] and told["problems"] == []
    parameters = told["parameters"]
    assert parameters["total"] == parameters["embedding"] + parameters["effective"]
    assert parameters["total"] == sum(group["parameters"] for group in told["groups"])
    ple = told["ple"]
    assert ple["rows"] == 2048 and ple["row_bytes"] == 272 and ple["table_bytes"] == 2048 * 272
    assert 1 <= ple["pages_per_row"]["fewest"] <= ple["pages_per_row"]["mean"] <= ple["pages_per_row"]["most"] == 2
    text = run("inspect", model)
    assert "272 bytes a row" in text and "published" not in text


def check_simulate(folder):
    trace = f"{folder}/trace.jsonl"
    with open(trace, "w") as out:
        header = {"tierscope_trace": 1, "name": "t", "vocab_size": 2048, "tokenizer": "none", "license": "none"}
        out.write(json.dumps(header) + "\n")
        out.write(json.dumps({"id": "0", "prompt": [2, 5, 6, 5], "output": [6, 7]}) + "\n")
    words = ["simulate", "--trace", trace, "--placement", "nvme+ram:4rows:lru", "--json"]
    by_model = json.loads(run(*words, "--model", f"{folder}/tiny.gguf"))
    by_hand = json.loads(run(*words, "--rows", "2048", "--row-bytes", "272"))
    for result in by_model + by_hand:
        del result["seconds"]
    assert by_model == by_hand
    assert by_model[0]["backing"]["bytes"] == by_model[0]["backing"]["reads"] * 272 > 0
    assert "--rows" in run(*words, "--model", f"{folder}/tiny.gguf", "--rows", "9", expect=2)


def check_ngram(folder):
    table = f"{folder}/table.gguf"
    made = json.loads(run("synth", "ngram", table, "--table-bytes", "1MiB", "--vocab", "2048", "--eos", "1", "--json"))
    assert 2**20 * 0.9 < made["bytes"] < 2**20 * 1.2 and "scaled" in made["caveat"]
    told = json.loads(run("inspect", table, "--json"))
    assert told["ple"]["row_bytes"] == 170 and told["ple"]["rows"] == made["rows"] and told["problems"] != []
    assert told["ngram"]["rows_per_token"] == told["ple"]["rows_per_token"] == 16
    words = ["simulate", "--trace", f"{folder}/trace.jsonl", "--placement", "nvme+ram:64rows:lru", "--json"]
    by_model = json.loads(run(*words, "--model", table))[0]
    by_hand = json.loads(run(*words, "--addressing", made["addressing"], "--row-bytes", "170"))[0]
    assert by_model["accesses"] == 6 * 16
    assert by_model["levels"] == by_hand["levels"] and by_model["backing"] == by_hand["backing"]
    assert "--table-bytes" in run("synth", "ngram", f"{folder}/x.gguf", "--table-bytes", "10", expect=2)
    for unit in ("row", "page"):
        placement = f"nvme+ram:16rows:lru,unit={unit}"
        words = ["--trace", f"{folder}/trace.jsonl", "--placement", placement, "--json"]
        ran = json.loads(run("replay", table, *words, "--compute", "none", "-q"))[0]
        planned = json.loads(run("simulate", "--model", table, *words))[0]
        assert ran["addressing"] == planned["addressing"] and ran.get("caveat") == planned.get("caveat")
        assert ran["accesses"] == planned["accesses"] >= 6 * 16
        assert (ran["levels"][0]["hits"], ran["backing"]["reads"]) == (planned["levels"][0]["hits"], planned["backing"]["reads"])
        priced = json.loads(run("simulate", "--model", table, *words, "--device", "desktop-24gb"))[0]
        assert priced["levels"][0]["hits"] == ran["levels"][0]["hits"] and priced["addressing"] == ran["addressing"]
    tuned = json.loads(run("tune", "--model", table, "--device", "desktop-24gb", "--trace", f"{folder}/trace.jsonl", "--unit", "both",
                           "--objective", "latency:memory=1MiB", "--json"))
    assert tuned["candidates"] > 0
    foreign = f"{folder}/foreign.jsonl"
    with open(foreign, "w") as file:
        file.write('{"tierscope_trace":1,"name":"f","vocab_size":9999,"tokenizer":"t","license":"MIT"}\n{"id":"0","prompt":[1,5000],"output":[2]}\n')
    for words in (["replay", table, "--compute", "none"], ["simulate", "--model", table]):
        assert "5000" in run(*words, "--trace", foreign, "--placement", "nvme", expect=1)


def gguf(keys, tensors):
    text = lambda s: struct.pack("<Q", len(s)) + s.encode()
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    for key, value in keys:
        out += text(key) + struct.pack("<I", 8) + text(value)
    for name, shape, kind, offset in tensors:
        out += text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        out += struct.pack("<IQ", kind, offset)
    return out + bytes(-len(out) % 32)


def check_unknown_files(folder):
    path = f"{folder}/foreign.gguf"
    keys = [("general.architecture", "mamba9"), ("tokenizer.ggml.model", "runes"), ("x.unheard_of", "yes")]
    tensors = [("token_embd.weight", (32, 10), 0, 0), ("blk.0.ssm_in.weight", (256, 2), 16, 1280)]
    with open(path, "wb") as out:
        out.write(gguf(keys, tensors) + bytes(2048))
    told = json.loads(run("inspect", path, "--json"))
    assert told["architecture"] == "mamba9" and not told["can_run"] and told["ple"] is None
    assert told["tokenizer"]["model"] == "runes"
    assert told["unsupported_tensors"] == ["blk.0.ssm_in.weight"]
    assert told["parameters"]["total"] == 320 + 512
    assert "IQ2_XXS" in run("inspect", path)


def check_full_disk(folder):
    """A limit on the size of files stands for a disk that fills up."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
    done = subprocess.run([PROGRAM, "synth", "micro", f"{folder}/big.gguf"], capture_output=True, text=True,
                          preexec_fn=limit)
    assert done.returncode == 1, done
    assert "cannot" in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert not [name for name in os.listdir(folder) if name.startswith("big")]


def check_refusals(folder):
    model = f"{folder}/tiny.gguf"
    with open(model, "rb") as whole:
        start = whole.read(20000)
    cut = f"{folder}/cut.gguf"
    with open(cut, "wb") as out:
        out.write(start)
    assert cut in run("inspect", cut, expect=1)
    assert "not a GGUF" in run("inspect", PROGRAM, expect=1)
    assert "check the path" in run("inspect", f"{folder}/none.gguf", expect=1)
    assert "did you mean" in run("synth", "gemma4-e3b", f"{folder}/x.gguf", expect=2)
    assert "did you mean 'Q4_K'" in run("synth", "tiny", f"{folder}/x.gguf", "--ple", "Q4K", expect=2)
    assert "not a regular file" in run("synth", "micro", folder, expect=1)
    assert "not a regular file" in run("synth", "micro", "/dev/null", expect=1)
    assert not os.path.exists(f"{folder}/x.gguf")


with tempfile.TemporaryDirectory() as folder:
    check_inspect(folder)
    check_simulate(folder)
    check_ngram(folder)
    check_unknown_files(folder)
    check_full_disk(folder)
    check_refusals(folder)
