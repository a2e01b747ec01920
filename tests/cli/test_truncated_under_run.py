"""A model that loses its end while `replay` reads its rows: one error that names it, no result."""
import os
import shutil
import subprocess
import sys
import tempfile
import time

from replay_case import MODEL, check_fails, write_trace

program = sys.argv[1]


def holds_open(process, path):
    folder = f"/proc/{process.pid}/fd"
    try:
        return any(os.readlink(os.path.join(folder, name)) == path for name in os.listdir(folder))
    except OSError:  # a descriptor that has just been closed
        return False


with tempfile.TemporaryDirectory() as folder:
    trace = os.path.join(folder, "trace.jsonl")
    write_trace(trace)
    for access in ("io_uring", "pread", "mmap"):
        model = os.path.join(os.path.realpath(folder), access + ".gguf")
        shutil.copy(MODEL, model)
        process = subprocess.Popen(
            [program, "replay", model, "--trace", trace, "--compute", "paced:20ms", "--state", "cold", "--chunk", "4",
             "--placement", f"nvme,access={access}", "--json", "--quiet"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while process.poll() is None and not holds_open(process, model):
            time.sleep(0.001)
        time.sleep(0.2)  # a step lasts 20 ms: rows are being read by now, and if not, the outcome is the same
        os.truncate(model, 4096)
        stdout, stderr = process.communicate()
        check_fails(subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr), 1, model)
