"""scripts/slurm/submit.sh on a real slurmctld and slurmd: shards, a killed task run again, the merged report. Skipped, in
so many words, where Slurm is not installed or this user may not start its daemons."""
import csv
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

program = os.path.abspath(sys.argv[1])
root = os.getcwd()
SHARDS = 3
LIMIT_S = 60

CONFIGURATION = """
ClusterName=tierscope
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmUser=root
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=1
ReturnToService=2
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""

PLAN = """
name = "slurm"
[[matrix]]
models = ["tiny.gguf"]
traces = ["t.jsonl"]
placements = ["nvme", "ram", "nvme+ram:48rows:lru", "nvme+ram:64rows:fifo", "nvme+ram:96rows:lru", "nvme+ram:128rows:lru"]
repeats = 2
"""


def check(condition, message):
    if not condition:
        for log in ("slurmctld.log", "slurmd.log"):
            if os.path.exists(log):
                print("".join(open(log).readlines()[-15:]))
        sys.exit("FAILED: " + message)


def wait_for(condition, what):
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        check(time.monotonic() < deadline, "waited in vain for " + what)
        time.sleep(0.1)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def output(*words):
    return subprocess.run(words, capture_output=True, text=True).stdout


def write_inputs():
    subprocess.run([program, "synth", "tiny", "tiny.gguf"], check=True, capture_output=True)
    random.seed(1)
    token = lambda: min(2047, 4 + int(random.paretovariate(0.7)))
    with open("t.jsonl", "w") as file:
        file.write(json.dumps({"tierscope_trace": 1, "name": "t", "vocab_size": 2048, "tokenizer": "none", "license": "none"}) + "\n")
        for i in range(10):
            file.write(json.dumps({"id": str(i), "prompt": [token() for _ in range(40)], "output": [token() for _ in range(20)]}) + "\n")
    with open("plan.toml", "w") as file:
        file.write(PLAN)


def start_daemons(folder):
    host = socket.gethostname().split(".")[0]
    with open("slurm.conf", "w") as file:
        file.write(CONFIGURATION.format(host=host, folder=folder, controller=free_port(), daemon=free_port(), cpus=os.cpu_count()))
    os.makedirs("state")
    os.makedirs("spool")
    os.environ["SLURM_CONF"] = folder + "/slurm.conf"
    daemons = [subprocess.Popen([name, "-D"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for name in ("slurmctld", "slurmd")]
    wait_for(lambda: "idle" in output("sinfo", "-h", "-o", "%T"), "an idle node")
    return daemons


def submit(out):
    done = subprocess.run([root + "/scripts/slurm/submit.sh", "plan.toml", out, str(SHARDS)], capture_output=True, text=True, env={**os.environ, "TIERSCOPE": program})
    check(done.returncode == 0, done.stderr)
    return done.stdout.split()[2]


def rows(path):
    return sorted((row["cell"], row["repeats"], row["reads"]) for row in csv.DictReader(open(path)))


def check_array():
    submit("out")
    wait_for(lambda: os.path.exists("out/report.html"), "the merged report")
    subprocess.run([program, "run", "plan.toml", "--out", "whole", "-q"], check=True, capture_output=True)
    for name, folders in (("whole.csv", ["whole"]), ("merged.csv", [f"out/shard-{k}" for k in range(1, SHARDS + 1)])):
        subprocess.run([program, "report", "--merge", *folders, "--out", name], check=True, capture_output=True)
    check(rows("merged.csv") == rows("whole.csv") and len(rows("whole.csv")) == 6, "the array's cells are those of one run")


def check_killed_task():
    """A task is cancelled before it is done; the same line again finishes it, and keeps what was finished."""
    subprocess.run([program, "run", "plan.toml", "--out", "killed/shard-2", "--shard", f"2/{SHARDS}", "-q"], check=True, capture_output=True)
    with open("killed/shard-2/results.jsonl") as file:
        lines = file.readlines()
    with open("killed/shard-2/results.jsonl", "w") as file:
        file.writelines(lines[:1] + [lines[1][: len(lines[1]) // 2]])
    first = submit("killed")
    subprocess.run(["scancel", "--signal=KILL", f"{first}_1"], capture_output=True)
    wait_for(lambda: not output("squeue", "-h", "-j", first), "the first array to end")
    submit("killed")
    wait_for(lambda: os.path.exists("killed/report.html"), "the report after the second submission")
    with open("killed/shard-2/results.jsonl") as file:
        again = file.readlines()
    check(again[0] == lines[0] and len(again) == len(lines), "finished cells are kept, others run once")


if not all(shutil.which(name) for name in ("slurmctld", "slurmd", "sbatch")) or os.geteuid() != 0:
    print("skipped: needs slurm-wlm and root, who may start slurmd")
    sys.exit(0)
with tempfile.TemporaryDirectory(dir=os.path.dirname(program)) as folder:
    os.chdir(folder)
    write_inputs()
    daemons = []
    try:
        daemons = start_daemons(folder)
        check_array()
        check_killed_task()
    finally:
        subprocess.run(["scancel", "--user=root"], capture_output=True)
        for daemon in reversed(daemons):
            daemon.send_signal(signal.SIGTERM)
        for daemon in daemons:
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
        os.chdir("/")
