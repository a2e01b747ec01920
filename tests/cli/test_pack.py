"""`pack` writes a table that serves the same rows, and never leaves a part of one behind."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from replay_case import MODEL, check_fails, run, run_json, write_trace

program = sys.argv[1]
folder = tempfile.mkdtemp()
trace, packed = os.path.join(folder, "trace.jsonl"), os.path.join(folder, "model.packed")
write_trace(trace)


def replay(model, *words):
    return run(program, "replay", model, "--trace", trace, "--compute", "none", "--json", *words)


info = run_json(program, "pack", MODEL, packed)
assert info["rows"] == 280 and info["stride_bytes"] >= info["row_bytes"] and os.path.getsize(packed) == info["bytes"]
done = replay(MODEL, "--placement", "nvme+ram:16rows:lru,layout=packed", "--packed", packed)
assert done.returncode == 0, done.stderr

# The default name is the model's own, with another ending.
model = os.path.join(folder, "model.gguf")
shutil.copy(MODEL, model)
done = replay(model, "--placement", "nvme,layout=packed")
assert done.returncode == 0, done.stderr

# A packed table of another model, or a damaged one.
check_fails(replay("tests/golden/data/logits/tiny-q4_0.gguf", "--placement", "nvme,layout=packed", "--packed", packed),
            1, packed, "another model", "tierscope pack")
content = bytearray(open(packed, "rb").read())
content[4096 + 5] ^= 1  # row 0
open(packed, "wb").write(content)
write_trace(trace, limit=2)
check_fails(replay(MODEL, "--placement", "nvme,layout=packed", "--packed", packed), 1, packed, "row 0", "checksum")
check_fails(replay(MODEL, "--placement", "nvme,layout=packed,unit=page", "--packed", packed), 1, packed, "row 0", "checksum")
os.remove(packed)

# A disk that is full: one error, no file. Needs a file system of its own.
script = f"mount -t tmpfs -o size=64k none {folder}/small && exec {program} pack {MODEL} {folder}/small/out"
os.mkdir(os.path.join(folder, "small"))
full = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True)
if "mount" not in full.stderr and "unshare" not in full.stderr:
    check_fails(full, 1, "No space left", "free some space")

# Killed at any moment: the whole file or none, and nothing else beside it.
target = os.path.join(folder, "killed")
os.mkdir(target)
for attempt in range(12):
    process = subprocess.Popen([program, "pack", MODEL, os.path.join(target, "out")], stdout=subprocess.DEVNULL)
    time.sleep(attempt * 0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = os.listdir(target)
    assert left in ([], ["out"]), left
    if left:
        write_trace(trace)
        done = replay(MODEL, "--placement", "nvme,layout=packed", "--packed", os.path.join(target, "out"))
        assert done.returncode == 0, done.stderr
        os.remove(os.path.join(target, "out"))

check_fails(run(program, "pack", MODEL, os.path.join(folder, "missing", "out")), 1, "missing")
check_fails(run(program, "pack", "tests/golden/data/logits/nople-f32.gguf", packed), 1, "no per-layer embedding")
