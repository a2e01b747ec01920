"""`cpu` reports the levels, and TIERSCOPE_CPU forces a lower one."""
import json
import os
import subprocess
import sys

program = sys.argv[1]


def cpu(level, *options):
    environment = {k: v for k, v in os.environ.items() if k != "TIERSCOPE_CPU"}
    if level:
        environment["TIERSCOPE_CPU"] = level
    return subprocess.run([program, "cpu", *options], env=environment, capture_output=True, text=True)


default = json.loads(cpu(None, "--json").stdout)
assert default["levels"][0] == "plain" and default["chosen"] == default["levels"][-1], default
for level in default["levels"]:
    assert json.loads(cpu(level, "--json").stdout)["chosen"] == level
    assert f"chosen: {level}" in cpu(level).stdout

    kernels = json.loads(cpu(level, "--json").stdout)["kernels"]
    assert {"F32", "BF16", "Q4_0", "Q8_0", "Q4_K", "Q6_K"} <= kernels.keys(), kernels
    assert all(kernel["token"] and kernel["chunk"] for kernel in kernels.values()), kernels
    assert ("plain" in kernels["Q4_0"]["token"]) == (level == "plain"), kernels
    assert kernels["Q4_0"]["chunk"] in cpu(level).stdout

wrong = cpu("avx3")
assert wrong.returncode == 2 and wrong.stderr.startswith("tierscope: TIERSCOPE_CPU: "), wrong.stderr
assert wrong.stderr.count("\n") == 1 and "avx3" in wrong.stderr
