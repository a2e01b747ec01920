"""Input that no command can use, each refused in one line; and a disk that fills up under an experiment, which goes on
once there is room."""
import json
import os
import subprocess
import sys
import tempfile

from replay_case import MODEL, VOCABULARY, check_fails, run, write_trace

program, scratch = os.path.abspath(sys.argv[1]), tempfile.TemporaryDirectory()
folder = scratch.name
os.chmod(folder, 0o755)

HEADER = json.dumps({"tierscope_trace": 1, "name": "t", "vocab_size": VOCABULARY, "tokenizer": "none", "license": "none"})
empty, blank = os.path.join(folder, "empty.jsonl"), os.path.join(folder, "blank.jsonl")
open(empty, "w").write(HEADER + "\n")
open(blank, "w").close()
COMMANDS = [
    ["simulate", "--placement", "nvme", "--rows", VOCABULARY, "--row-bytes", 272],
    ["replay", MODEL, "--placement", "nvme"],
    ["replay", MODEL, "--placement", "nvme", "--compute", "none"],
    ["mrc", "--policy", "lru"],
    ["learn", "--out", os.path.join(folder, "x.hot")],
    ["trace", "info"],
    ["tune", "--device", "phone-ufs4", "--model", MODEL],
]
for words in COMMANDS:
    check_fails(run(program, *words, "--trace", empty), 1, empty, "no request")
    check_fails(run(program, *words, "--trace", blank), 1, blank, "empty")
    check_fails(run(program, *words, "--trace", folder), 1, folder, "Is a directory")
assert not os.path.exists(os.path.join(folder, "x.hot"))

# A file of somebody else's. Root may read everything, so root becomes nobody.
trace = os.path.join(folder, "trace.jsonl")
write_trace(trace)
os.chmod(trace, 0)
nobody = ["setpriv", "--reuid", "65534", "--clear-groups"] if os.geteuid() == 0 else []
if subprocess.run([*nobody, program, "policies"], capture_output=True).returncode == 0:
    done = subprocess.run([*nobody, program, "simulate", "--placement", "nvme", "--rows", "9", "--row-bytes", "9", "--trace",
                           trace], capture_output=True, text=True)
    check_fails(done, 1, trace, "Permission denied")
os.chmod(trace, 0o644)

# The disk fills up while an experiment appends its results: an error, what was finished stays, --resume goes on.
with open(os.path.join(folder, "plan.toml"), "w") as plan:
    plan.write(f'name = "t"\n[[matrix]]\nmodels = ["{os.path.abspath(MODEL)}"]\ntraces = ["trace.jsonl"]\n'
               'placements = ["nvme", "ram", "nvme+ram:48rows:lru"]\nrepeats = 6\n')
os.mkdir(os.path.join(folder, "small"))
experiment = f"{program} run -q {folder}/plan.toml --out small/results"
script = f"""cd {folder}; mount -t tmpfs -o size=24k none small || exit 99
{experiment}; echo first $?
mount -o remount,size=4m small
{experiment} --resume >/dev/null; echo second $?
cat small/results/results.jsonl"""
done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True)
if "unshare" not in done.stderr and done.returncode != 99:
    first, second, *results = done.stdout.splitlines()
    assert first == "first 1" and second == "second 0", done
    assert "results.jsonl" in done.stderr and "No space left" in done.stderr and done.stderr.count("\n") == 1, done.stderr
    cells = [json.loads(line) for line in results]
    assert len({(cell["cell"], cell["repeat"]) for cell in cells}) == len(cells) == 18, len(cells)
