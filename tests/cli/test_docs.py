"""Every command that README and the guides print in an ```sh block works as printed, and ends with exit 0. The blocks of a
page run in one shell each, in its order, in a copy of what a user has: the project's folder, the program built, the
demo's model. A small model of Gemma's vocabulary stands for the latter, and the probe measures shortly."""
import glob
import os
import re
import subprocess
import sys
import tempfile

program = os.path.abspath(sys.argv[1])
root = os.getcwd()


def check(condition, message):
    if not condition:
        sys.exit("FAILED: " + message)


def blocks(page):
    """(line number, text) of each; in lists they are indented."""
    text = open(page).read()
    for match in re.finditer(r"^( *)```sh\n(.*?)^\1```$", text, re.S | re.M):
        indent = match[1]
        yield text[: match.start()].count("\n") + 2, "\n".join(line.removeprefix(indent) for line in match[2].split("\n"))


def project(folder):
    for name in ("traces", "experiments", "sim", "README.md"):
        os.symlink(f"{root}/{name}", f"{folder}/{name}")
    os.makedirs(folder + "/build/release")
    os.makedirs(folder + "/build/demo")
    # Only how long the probe looks at each point differs from what a user has.
    with open(folder + "/build/release/tierscope", "w") as script:
        script.write(f'#!/bin/sh\ncase $1 in probe) set -- "$@" --seconds-per-point 0.002 --rounds 1;; esac\nexec {program} "$@"\n')
    os.chmod(folder + "/build/release/tierscope", 0o755)
    model = folder + "/build/demo/gemma4-e2b.gguf"
    subprocess.run([program, "synth", "wide", model, "--ple", "F32"], check=True, capture_output=True)


def run_page(page):
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        project(folder)
        environment = {**os.environ, "PATH": f"{folder}/build/release:{os.environ['PATH']}"}
        for line, text in blocks(page):
            # Variables that a block sets are known to the next, as in a user's shell.
            script = f". ./variables 2>/dev/null || true\nset -euo pipefail\n{text}\nset +u\ndeclare -p model > variables 2>/dev/null || true\n"
            done = subprocess.run(["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True)
            check(done.returncode == 0, f"{page}:{line}: {done.stderr.strip()[-500:]}")
            count += 1
    return count


def check_links(page):
    """Files that a page links to are there, and headings too."""
    for target in re.findall(r"\]\(([^)\s]+)\)", open(page).read()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        path = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        check(os.path.exists(path), f"{page}: links to {target}, which is not there")
        headings = [re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in open(path) if line.startswith("#")] if anchor else []
        check(not anchor or anchor in headings, f"{page}: no heading '{anchor}' in {path}")


pages = ["README.md", *sorted(glob.glob("docs/*.md"))]
for page in pages:
    check_links(page)
total = {page: run_page(page) for page in pages if "```sh" in open(page).read()}
for guide in ("first-run", "bring-your-own-model", "tune", "add-a-policy", "facts", "read-a-report"):
    check(total.get(f"docs/{guide}.md", 0) > 0, f"docs/{guide}.md has no command that is tested")
print(total)
