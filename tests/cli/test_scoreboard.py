"""The scoreboard's page and what other pages quote from it are what docs/scoreboard.json says; nothing is measured here."""
import json
import os
import subprocess
import sys
import tempfile

root = os.getcwd()


def scoreboard(*words, folder=root):
    return subprocess.run([sys.executable, os.path.join(root, "scripts", "scoreboard"), *words], cwd=folder, capture_output=True, text=True)


def check(condition, message):
    if not condition:
        sys.exit("FAILED: " + message)


def check_quotations():
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(folder + "/docs/measurements")
        rows = [{"name": name, "what": name, "samples": samples, "unit": "ms", "command": "x | y", "goal": goal, "relation": "at most" if goal else "", "note": ""}
                for name, samples, goal in (("good", [3, 1, 2], 4), ("bad", [8, 8], 4), ("free", [1.23456], None), ("none_left", [-1], 2))]
        section = {"issue": 4, "title": "A section", "rows": rows, "machine": "a machine", "measured": "2026-01-01", "commit": "abc", "seconds": 1, "failed": ""}
        with open(folder + "/docs/scoreboard.json", "w") as file:
            json.dump({"scoreboard": 1, "sections": {"a": section}}, file)
        with open(folder + "/README.md", "w") as file:
            file.write("It takes <!-- score:a.good -->old<!-- /score -->, free <!-- score:a.free --><!-- /score -->.\n")
        check(scoreboard("--check", folder=folder).returncode == 1, "a missing page is seen")
        check(scoreboard("--render", folder=folder).returncode == 0, "the page is written")
        check(scoreboard("--check", folder=folder).returncode == 0, "what was written passes")
        check("takes <!-- score:a.good -->2 ms<!-- /score -->, free <!-- score:a.free -->1.23 ms<" in open(folder + "/README.md").read(), "quotations are filled")
        page = open(folder + "/docs/scoreboard.md").read()
        check("2 of 3 goals met" in page, "goals are counted: " + page)
        check("| good | at most 4 ms | 2 ms | 2.00 | yes | 100 % | `x \\| y` |" in page and "| **no** |" in page, "rows: " + page)
        with open(folder + "/README.md", "a") as file:
            file.write("<!-- score:a.absent -->1<!-- /score -->\n")
        done = scoreboard("--render", folder=folder)
        check(done.returncode == 1 and "a.absent" in done.stderr and len(done.stderr.splitlines()) == 1, "an unknown figure is named: " + done.stderr)


def check_sections():
    listed = scoreboard("--list")
    check(listed.returncode == 0, listed.stderr)
    for name in ("exactness", "gathers", "llama_cpp", "spans"):
        check(name in listed.stdout, f"--list names {name}")
    check(scoreboard("--only", "nothing").returncode == 2, "an unknown section is refused")


check_quotations()
check_sections()
# The pages of this project. Until the first measurement there are none.
if os.path.exists("docs/scoreboard.json"):
    done = scoreboard("--check")
    check(done.returncode == 0, done.stderr)
