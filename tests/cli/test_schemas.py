"""What the program writes fits reports/schema/*.json, and the schemas refuse what does not."""
import copy
import json
import os
import random
import subprocess
import sys
import tempfile

import jsonschema

program = os.path.abspath(sys.argv[1])
SCHEMAS = os.path.join(os.getcwd(), "reports", "schema")
PLAN = """
name = "schemas"
[[matrix]]
sources = ["measured", "simulated"]
models = ["tiny.gguf"]
traces = ["t.jsonl"]
placements = ["nvme", "nvme+ram:48rows:lru", "nvme+ram:9999rows:lru"]
repeats = 2
"""


def validator(name):
    with open(os.path.join(SCHEMAS, name + ".schema.json")) as file:
        schema = json.load(file)
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)


def fits(name, value):
    error = jsonschema.exceptions.best_match(validator(name).iter_errors(value))
    if error:
        sys.exit(f"FAILED: {name}: {list(error.absolute_path)}: {error.message[:300]}")


def refused(name, value, change):
    changed = copy.deepcopy(value)
    change(changed)
    if validator(name).is_valid(changed):
        sys.exit(f"FAILED: the schema of {name} accepts what it should not")


def tierscope(*arguments, good=True):
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    if good and done.returncode:
        sys.exit("FAILED: " + done.stderr)
    return done.stdout


for name in os.listdir(SCHEMAS):
    validator(name.removesuffix(".schema.json"))
with tempfile.TemporaryDirectory(dir=os.path.dirname(program)) as folder:
    os.chdir(folder)
    tierscope("synth", "tiny", "tiny.gguf")
    random.seed(1)
    token = lambda: min(2047, 4 + int(random.paretovariate(0.7)))
    with open("t.jsonl", "w") as file:
        file.write(json.dumps({"tierscope_trace": 1, "name": "t", "vocab_size": 2048, "tokenizer": "none", "license": "none"}) + "\n")
        for i in range(10):
            file.write(json.dumps({"id": str(i), "prompt": [token() for _ in range(40)], "output": [token() for _ in range(20)]}) + "\n")
    with open("plan.toml", "w") as file:
        file.write(PLAN)
    tierscope("run", "plan.toml", "--out", "out", "-q", good=False)  # the third placement's cells fail, on purpose
    with open("out/results.jsonl") as file:
        results = [json.loads(line) for line in file]
    manifest = json.load(open("out/manifest.json"))
    report = json.loads(tierscope("report", "out", "--json"))
    compared = json.loads(tierscope("report", "out", "out", "--compare", "--json"))
    fits("manifest", manifest)
    for one in results:
        fits("result", one)
        if one["status"] == "ok":
            fits(*(("replay", one["output"]) if one["axes"]["source"] == "measured" else ("simulate", [one["output"]])))
    if {one["status"] for one in results} != {"ok", "failed"}:
        sys.exit("FAILED: the run should have both finished and failed cells")
    fits("report", report)
    fits("report", compared)

    good = next(one for one in results if one["status"] == "ok")
    refused("result", good, lambda one: one.pop("output"))
    refused("result", good, lambda one: one["axes"].pop("placement"))
    refused("result", good, lambda one: one.update(surprise=1))
    refused("manifest", manifest, lambda one: one["models"][0].pop("xxh3_128"))
    refused("report", report, lambda one: one["cells"].pop("figures"))
    os.chdir("/")
