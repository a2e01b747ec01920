"""Help, completion, manual pages and --dump-config: all from the commands' descriptions, so nothing may be missing."""
import os
import shutil
import subprocess
import sys
import tempfile

PROGRAM = os.path.abspath(sys.argv[1])


def run(*words, expect=0, env=None):
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, env={**os.environ, **(env or {})})
    assert done.returncode == expect, (words, done.returncode, done.stderr)
    return done.stdout if expect == 0 else done.stderr


def commands():
    names = []
    for line in run("help").splitlines():
        if line.startswith("  "):
            names.append(line.strip().split("  ")[0])
    return names


def complete(script, *words):
    """What bash offers after `tierscope WORDS`, the last of them unfinished."""
    quoted = " ".join(f"'{word}'" for word in words)
    program = (f"source {script}; COMP_WORDS=(tierscope {quoted}); COMP_CWORD={len(words)}; _tierscope; "
               "printf '%s\\n' \"${COMPREPLY[@]}\"")
    return subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True).stdout.split()


def check_help(names):
    assert "simulate" in names and "trace info" in names
    for name in names:
        text = run("help", *name.split())
        assert text == run(*name.split(), "--help")
        assert "usage: tierscope " + name in text and "examples:" in text, f"{name} has no example"
    for topic in run("help").splitlines()[-1].split(":")[1].split():
        assert len(run("help", topic)) > 200
    placement = run("help", "placement")
    assert "nvme+ram:64MiB:s3fifo+vram:16MiB:lru" in placement and "+--" in placement
    assert "did you mean 'placement'" in run("help", "plcement", expect=2)


def complete_fish(script, line):
    done = subprocess.run(["fish", "--no-config", "-c", f"source {script}; complete -C '{line}'"], capture_output=True, text=True, check=True)
    return [offer.split("\t")[0] for offer in done.stdout.splitlines()]


def complete_zsh(script, *words):
    """What the script hands to zsh's own _describe and _arguments, which need a terminal to do more."""
    quoted = " ".join(f"'{word}'" for word in words)
    program = (f"words=(tierscope {quoted}); CURRENT={len(words) + 1}; _files() {{ }}\n"
               '_describe() { print -rl -- "${(@P)2}" }\n_arguments() { print -rl -- "$@" }\n' + f"source {script}")
    done = subprocess.run(["zsh", "-f", "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == "", done.stderr
    return [offer.lstrip("*").split(":")[0].split("=")[0].split("[")[0] for offer in done.stdout.splitlines()]


def check_completion(folder, names):
    for shell in ("bash", "zsh", "fish"):
        script = run("completion", shell)
        for name in names:
            assert name.split()[0] in script
        with open(f"{folder}/{shell}", "w") as out:
            out.write(script)
        if shutil.which(shell):
            subprocess.run([shell, "-n", f"{folder}/{shell}"], check=True)
    bash = f"{folder}/bash"
    assert complete(bash, "sim") == ["simulate"]
    assert {"info", "rows"} <= set(complete(bash, "trace", ""))
    assert complete(bash, "synth", "tiny", "--we") == ["--weights"]
    assert complete(bash, "synth", "ngram", "--tab") == ["--table-bytes"]
    assert complete(bash, "simulate", "--pla") == ["--placement"]
    assert complete(bash, "trace", "info", "--js") == ["--json"]
    if shutil.which("fish"):
        fish = f"{folder}/fish"
        assert "simulate" in complete_fish(fish, "tierscope sim")
        assert {"info", "rows"} <= set(complete_fish(fish, "tierscope trace "))
        assert "--table-bytes" in complete_fish(fish, "tierscope synth ngram --tab")
        assert "--placement" in complete_fish(fish, "tierscope simulate --pla")
    if shutil.which("zsh"):
        zsh = f"{folder}/zsh"
        assert {name.split()[0] for name in names} == set(complete_zsh(zsh, "sim"))
        assert {"info", "rows"} <= set(complete_zsh(zsh, "trace", ""))
        assert "--table-bytes" in complete_zsh(zsh, "synth", "ngram", "--tab")
        assert "--placement" in complete_zsh(zsh, "simulate", "--pla")
    assert "did you mean 'zsh'" in run("completion", "zsch", expect=2)


def check_manual(folder, names):
    run("manual", f"{folder}/man")
    pages = os.listdir(f"{folder}/man")
    assert sorted(pages) == sorted(["tierscope.1"] + [f"tierscope-{name.replace(' ', '-')}.1" for name in names])
    if not shutil.which("groff"):
        return
    for page in pages:
        done = subprocess.run(["groff", "-man", "-Tascii", "-P-cbou", "-ww", f"{folder}/man/{page}"], capture_output=True, text=True)
        assert done.returncode == 0 and done.stderr == "", (page, done.stderr)
        assert "NAME" in done.stdout


def check_dump_config():
    words = ["simulate", "--trace", "t", "--dump-config"]
    told = run(*words, "--chunk", "7", env={"TIERSCOPE_SEED": "9"})
    line = lambda key: next(line for line in told.splitlines() if line.startswith(key + " "))
    assert '"7"' in line("chunk") and line("chunk").endswith("# option")
    assert '"9"' in line("seed") and line("seed").endswith("# environment TIERSCOPE_SEED")
    assert line("row-bytes").endswith("# default")
    assert '"1"' in next(l for l in run(*words, "--seed", "1", env={"TIERSCOPE_SEED": "9"}).splitlines()
                         if l.startswith("seed "))
    assert "TIERSCOPE" not in run(*words)
    plan = run("run", "experiments/plans/default.toml", "--out", "unused", "--dump-config")
    assert "[[matrix]]" in plan and "# file" in plan
    assert not os.path.exists("unused")


with tempfile.TemporaryDirectory() as folder:
    known = commands()
    check_help(known)
    check_completion(folder, known)
    check_manual(folder, known)
    check_dump_config()
