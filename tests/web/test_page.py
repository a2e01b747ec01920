"""The report's page in headless Chromium. The page, npm's packages and the program come from the same build folder."""
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import make_results  # noqa: E402

program = os.path.abspath(sys.argv[1])
modules = os.path.join(os.path.dirname(program), "web")
chromium = shutil.which("chromium")
if not chromium or not os.path.isdir(os.path.join(modules, "node_modules", "playwright-core")):
    sys.exit("chromium or the page's npm packages are missing: run scripts/setup.sh and build")

with tempfile.TemporaryDirectory() as folder:
    make_results.small(folder + "/small")
    make_results.small(folder + "/slower", slower=1.2, seed=3)
    make_results.large(folder + "/large", 10000)
    for arguments in (["small", "--out", "small.html"], ["small", "--out", "small.csv"], ["small", "slower", "--out", "compared.html"],
                      ["large", "--out", "large.html"]):
        subprocess.run([program, "report", *arguments, "-q"], cwd=folder, check=True, stderr=subprocess.DEVNULL)
    checks = os.path.join(os.path.dirname(os.path.abspath(__file__)), "page_checks.mjs")
    sys.exit(subprocess.run(["node", checks, modules, chromium, folder]).returncode)
