"""runtime/compute and what it stands on compile for 64-bit ARM, and the products there are NEON instructions. Skipped, in so
many words, without Debian's g++-aarch64-linux-gnu. Nothing is run: that needs an ARM machine."""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

compiler = "aarch64-linux-gnu-g++"
if not shutil.which(compiler):
    print(f"skipped: no {compiler}")
    sys.exit(0)

# Headers that are the same for every CPU, by themselves: the rest of /usr/include belongs to this machine's.
SHARED = ["hwloc.h", "hwloc", "CL", "fmt"]
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wno-psabi", "-Werror"]


def check(command):
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


with tempfile.TemporaryDirectory() as scratch:
    include = scratch + "/include"
    os.makedirs(include)
    for name in SHARED:
        for folder in ("/usr/include", "/usr/include/x86_64-linux-gnu"):
            if os.path.isdir(f"{folder}/{name}"):
                shutil.copytree(f"{folder}/{name}", f"{include}/{name}", dirs_exist_ok=True)
            elif os.path.exists(f"{folder}/{name}"):
                shutil.copy(f"{folder}/{name}", include)
    flags = ["-std=c++20", "-O1", *WARNINGS, "-I.", "-isystem", include, "-c"]
    products = "runtime/compute/kernels_plain.cc"
    sources = sorted(set(glob.glob("runtime/compute/*.cc")) - {products})
    for source in sources:
        check([compiler, *flags, source, "-o", f"{scratch}/{os.path.basename(source)}.o"])
    check([compiler, *flags, "-O3", products, "-o", scratch + "/products.o"])
    listing = check(["aarch64-linux-gnu-objdump", "-d", "--no-show-raw-insn", scratch + "/products.o"])
    vectors = [line for line in listing.splitlines() if "mla\tv" in line or "mlal\tv" in line or "mlal2\tv" in line]
    assert vectors, "no vector product in " + products
print(f"{len(sources) + 1} files compile; {len(vectors)} NEON multiply-and-add instructions in {products}")
