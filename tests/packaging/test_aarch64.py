"""On 64-bit ARM: runtime/compute compiles, the plain products become NEON instructions, no file but a level's own has that
level's instructions, and under qemu's emulation the tests of the products pass at every level, on CPUs of each. Skipped,
in so many words, without Debian's g++-aarch64-linux-gnu; what is emulated, without its qemu-user."""
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

compiler = "aarch64-linux-gnu-g++"
emulator = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
if not shutil.which(compiler):
    print(f"skipped: no {compiler}")
    sys.exit(0)

# Headers that are the same for every CPU, by themselves: the rest of /usr/include belongs to this machine's.
SHARED = ["hwloc.h", "hwloc", "CL", "fmt", "catch2"]
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wno-psabi", "-Werror"]
# As in CMakeLists.txt.
LEVELS = {"kernels_plain": ["-O3"], "kernels_dotprod": ["-march=armv8.2-a+dotprod"],
          "kernels_i8mm": ["-march=armv8.2-a+dotprod+i8mm"]}
# By emulated CPU: what it has.
CPUS = {"cortex-a53": "plain neon", "cortex-a76": "plain neon dotprod", "max": "plain neon dotprod i8mm"}
# Needs hwloc, OpenCL or what CMake generates: compiled, not linked.
NOT_LINKED = {"usable_cpus", "opencl_device", "device_registry", "kernel_sources"}


def check(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, **more)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout


def name_of(source):
    return os.path.splitext(os.path.basename(source))[0]


def check_instructions(objects):
    listings = {name_of(source): check(["aarch64-linux-gnu-objdump", "-d", "--no-show-raw-insn", path])
                for source, path in objects.items()}
    vectors = len(re.findall(r"mlal?2?\tv", listings["kernels_plain"]))
    assert vectors, "no vector product in runtime/compute/kernels_plain.cc"
    # A higher level's instruction in a lower level's file would end the process on an older CPU.
    for pattern, homes in ((r"\tsdot\t", {"kernels_dotprod", "kernels_i8mm"}), (r"\tsmmla\t", {"kernels_i8mm"})):
        found = {name for name, listing in listings.items() if re.search(pattern, listing)}
        assert found and found <= homes, (pattern, found)
    return vectors


def emulate(program):
    for cpu, levels in CPUS.items():
        environment = {k: v for k, v in os.environ.items() if k != "TIERSCOPE_CPU"}
        out = check([emulator, "-cpu", cpu, program], env=environment | {"TIERSCOPE_EXPECTED_LEVELS": levels})
        assert "All tests passed" in out, out
        yield f"{cpu} ({levels}): " + out.strip().splitlines()[-1]


with tempfile.TemporaryDirectory() as scratch:
    include = scratch + "/include"
    os.makedirs(include)
    for name in SHARED:
        for folder in ("/usr/include", "/usr/include/x86_64-linux-gnu"):
            if os.path.isdir(f"{folder}/{name}"):
                shutil.copytree(f"{folder}/{name}", f"{include}/{name}", dirs_exist_ok=True)
            elif os.path.exists(f"{folder}/{name}"):
                shutil.copy(f"{folder}/{name}", include)
    flags = ["-std=c++20", "-O1", *WARNINGS, "-DFMT_HEADER_ONLY", "-I.", "-isystem", include, "-c"]
    compute = glob.glob("runtime/compute/*.cc")
    sources = sorted(compute)
    if emulator:
        sources += ["runtime/base/text.cc", "runtime/gguf/dtype.cc", *sorted(glob.glob("runtime/gguf/types/*.cc")),
                    "tests/aarch64/machine.cc", "tests/aarch64/levels.cc", "tests/unit/matmul.cc",
                    "tests/support/main.cc"]
    objects = {source: f"{scratch}/{index}.o" for index, source in enumerate(sources)}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda source: check([compiler, *flags, *LEVELS.get(name_of(source), []), source, "-o",
                                            objects[source]]), sources))
    vectors = check_instructions({source: objects[source] for source in compute})
    print(f"{len(compute)} files compile; {vectors} NEON multiply-and-add instructions in kernels_plain.cc")
    if emulator:
        program = scratch + "/tests"
        linked = [path for source, path in objects.items() if name_of(source) not in NOT_LINKED]
        check([compiler, "-static", "-pthread", *linked, "-o", program])
        print("\n".join(emulate(program)))
    else:
        print("not emulated: no qemu-aarch64")
