"""Installs the build, uses its libraries from another CMake project, and makes the Debian package."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

PROGRAM = os.path.abspath(sys.argv[1])
BUILD = os.path.dirname(PROGRAM)
HERE = os.path.dirname(os.path.abspath(__file__))


def run(*words, **options):
    done = subprocess.run(words, capture_output=True, text=True, **options)
    assert done.returncode == 0, (words, done.stdout[-3000:], done.stderr[-3000:])
    return done.stdout


def sanitizers():
    with open(f"{BUILD}/CMakeCache.txt") as cache:
        value = re.search(r"^TIERSCOPE_SANITIZE:STRING=(.*)$", cache.read(), re.M).group(1)
    return f"-fsanitize={value}" if value else ""


def check_installed(prefix):
    run("cmake", "--install", BUILD, "--prefix", prefix)
    assert "usage: tierscope" in run(f"{prefix}/bin/tierscope", "help", cwd=prefix)
    for path in ("share/man/man1/tierscope.1", "share/man/man1/tierscope-simulate.1",
                 "share/bash-completion/completions/tierscope", "share/zsh/site-functions/_tierscope",
                 "share/fish/vendor_completions.d/tierscope.fish", "share/tierscope/plans/default.toml",
                 "include/tierscope/runtime/placement/planner.h"):
        assert os.path.getsize(f"{prefix}/{path}") > 0, path
    for path in glob.glob(f"{prefix}/lib/**/*.cmake", recursive=True):
        with open(path) as text:
            assert BUILD not in text.read(), f"{path} points into the build folder"


def check_consumer(prefix, folder):
    build = f"{folder}/consumer"
    run("cmake", "-S", f"{HERE}/consumer", "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}",
        "-DCMAKE_BUILD_TYPE=Debug", f"-DCMAKE_CXX_FLAGS={sanitizers()}")
    run("cmake", "--build", build)
    assert run(f"{build}/consumer") == "1 hits\n"


def check_package(folder):
    if not shutil.which("dpkg-shlibdeps"):
        print("dpkg-shlibdeps is missing: the Debian package is not tested")
        return
    run("cpack", "--config", f"{BUILD}/CPackConfig.cmake", "-B", f"{folder}/pack", cwd=folder)
    (package,) = glob.glob(f"{folder}/pack/tierscope_*.deb")
    contents = run("dpkg-deb", "--contents", package)
    assert "./usr/bin/tierscope" in contents and "./usr/share/man/man1/tierscope.1" in contents
    assert re.search(r"Depends: .*libfmt", run("dpkg-deb", "--info", package))


with tempfile.TemporaryDirectory() as folder:
    check_installed(f"{folder}/prefix")
    check_consumer(f"{folder}/prefix", folder)
    check_package(folder)
