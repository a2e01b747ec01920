"""What the tests of `replay` and `pack` share: a small model, a trace for it, and running the program."""
import json
import os
import subprocess

MODEL = "tests/golden/data/logits/tiny-q8_0.gguf"
VOCABULARY = 280


def write_trace(path, requests=6, prompt=40, output=12, limit=VOCABULARY):
    """Tokens from a fixed walk, some often, some rarely."""
    state, lines = 7, [json.dumps({"tierscope_trace": 1, "name": "walk", "vocab_size": limit,
                                   "tokenizer": "none", "license": "none"})]
    for request in range(requests):
        tokens = []
        for _ in range(prompt + output):
            state = (state * 1103515245 + 12345) % 2**31
            tokens.append(min(limit - 1, (state >> 8) % (1 + (state >> 16) % limit)))
        lines.append(json.dumps({"id": str(request), "prompt": tokens[:prompt], "output": tokens[prompt:]}))
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")


def run(program, *words, **more):
    return subprocess.run([program, *map(str, words)], capture_output=True, text=True, **more)


def run_json(program, *words, **more):
    done = run(program, *words, "--json", **more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check_fails(done, code, *parts):
    """One line on stderr with all `parts`, nothing on stdout."""
    assert done.returncode == code, (done.returncode, done.stderr)
    assert done.stdout == "", done.stdout
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("tierscope: "), done.stderr
    for part in parts:
        assert part in done.stderr, (part, done.stderr)
