"""What `replay` and `run` show while they go on: a line that redraws itself on a terminal, with hit ratio and stall; plain
lines elsewhere; nothing with -q."""
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios

program = os.path.abspath(sys.argv[1])
REPLAY = ["replay", "tiny.gguf", "--trace", "t.jsonl", "--placement", "nvme+ram:64rows:lru", "--compute", "paced:20ms", "--json"]
LIVE = r"\d+ %, hit ratio 0\.\d{3}, stall [\d.e-]+ ms a step"
PLAN = """
name = "live"
[[matrix]]
models = ["tiny.gguf"]
traces = ["t.jsonl"]
placements = ["nvme+ram:64rows:lru"]
compute = ["paced:20ms"]
repeats = 1
"""


def check(condition, message):
    if not condition:
        sys.exit("FAILED: " + message)


def on_terminal(*arguments):
    """What the program writes to stderr where that is a terminal of 200 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    process = subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    text = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # how a pseudo-terminal ends
            break
        if not piece:
            break
        text += piece
    check(process.wait() == 0, f"{arguments}: {text}")
    return text.decode()


def elsewhere(*arguments, interval=None):
    environment = {**os.environ, **({"TIERSCOPE_PROGRESS_S": interval} if interval else {})}
    done = subprocess.run([program, *arguments], capture_output=True, text=True, env=environment)
    check(done.returncode == 0, done.stderr)
    return done.stderr


def check_replay():
    drawn = on_terminal(*REPLAY)
    check(re.search(r"nvme\+ram:64rows:lru: " + LIVE, drawn), "hit ratio and stall on a terminal: " + repr(drawn))
    check(drawn.count("\r\x1b[K") >= 2, "the line redraws itself: " + repr(drawn))
    check(on_terminal(*REPLAY, "-q") == "", "quiet on a terminal")
    plain = elsewhere(*REPLAY, interval="0.2")
    check(len(plain.splitlines()) >= 2 and all(re.fullmatch(r"nvme\+ram:64rows:lru: " + LIVE, line) for line in plain.splitlines()),
          "plain lines elsewhere: " + plain)
    check(elsewhere(*REPLAY, "-q", interval="0") == "", "quiet elsewhere")


def check_run():
    drawn = on_terminal("run", "plan.toml", "--out", "live")
    check(re.search(r"\[1/1\] measured t\.jsonl nvme\+ram:64rows:lru paced:20ms: " + LIVE, drawn), "the cell that runs: " + repr(drawn))
    check(re.search(r"\[1/1, 0 s left\] measured t\.jsonl nvme\+ram:64rows:lru paced:20ms #1: .*[Hh]it ratio", drawn), "the finished cell stays: " + repr(drawn))
    plain = elsewhere("run", "plan.toml", "--out", "plain", interval="0.7")
    check("\r" not in plain and "\x1b" not in plain and re.search(": " + LIVE + r"\n\[1/1, 0 s left\]", plain), "plain lines: " + plain)
    check(on_terminal("run", "plan.toml", "--out", "quiet", "-q") == "", "quiet on a terminal")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    elsewhere("synth", "tiny", "tiny.gguf")
    with open("t.jsonl", "w") as file:
        file.write(json.dumps({"tierscope_trace": 1, "name": "t", "vocab_size": 2048, "tokenizer": "none", "license": "none"}) + "\n")
        file.write(json.dumps({"id": "0", "prompt": [5, 6, 7, 5, 6], "output": [5 + i % 40 for i in range(80)]}) + "\n")
    with open("plan.toml", "w") as file:
        file.write(PLAN)
    check_replay()
    check_run()
