"""What a section of the scoreboard needs.

A section is a function in a file of sections/, marked @section(issue, name, title). It is given a Bench and yields the
rows that at_least, at_most, exactly and plain make; it measures, and nothing else. The file need not be named anywhere.
A row's name stays: README and notes quote `section.row`.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field

SECTIONS = {}


class NotMeasured(Exception):
    """A tool or file is absent: says which, and how to get it."""


@dataclass
class Section:
    issue: int
    name: str
    title: str
    whole: bool  # part of the run of all sections; False: only when it is named (too long, or needs large files)
    measure: object = field(repr=False, default=None)


def section(issue, name, title, whole=True):
    def mark(function):
        if name in SECTIONS:
            sys.exit(f"two sections are called '{name}'")
        SECTIONS[name] = Section(issue, name, title, whole, function)
        return function
    return mark


class Bench:
    """The built program and benchmarks, the full-size model, a scratch folder that goes away."""

    def __init__(self, build, model):
        self.build, self.model = build, model
        self.program = os.path.join(build, "tierscope")
        self.scratch_folder = tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(model)) or None)
        self.scratch = self.scratch_folder.name

    def run(self, *words, env=None):
        """Output of a command; its failure is the section's."""
        words = [str(word) for word in words]
        try:
            done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, **(env or {})})
        except FileNotFoundError:
            raise NotMeasured(f"{words[0]} is not there: build it, or install it with scripts/setup.sh")
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()[-300:]}")
        return done.stdout

    def tierscope(self, *words, env=None):
        return self.run(self.program, *words, env=env)

    def json(self, *words, env=None):
        return json.loads(self.tierscope(*words, "--json", env=env))

    def replay(self, *words, model=None, env=None):
        """What `replay --json` says of its only placement."""
        return self.json("replay", model or self.model, *words, "-q", env=env)[0]

    def benchmark(self, binary, *arguments, repetitions=3, seconds=None, filter=None, env=None):
        """{name: [one dict a repetition]} of a Google Benchmark binary."""
        words = [os.path.join(self.build, binary), *arguments, f"--benchmark_repetitions={repetitions}", "--benchmark_format=json"]
        words += [f"--benchmark_min_time={seconds}"] if seconds else []
        words += [f"--benchmark_filter={filter}"] if filter else []
        runs = {}
        for one in json.loads(self.run(*words, env=env))["benchmarks"]:
            if one.get("error_occurred"):
                raise RuntimeError(f"{binary}: {one['name']}: {one.get('error_message')}")
            if one.get("run_type") == "iteration":
                runs.setdefault(one["run_name"], []).append(one)
        if not runs:
            raise RuntimeError(f"{binary}: no benchmark matches '{filter}'")
        return runs


def values(runs, key, scale=1.0):
    return [one[key] * scale for one in runs]


def ratios(above, below):
    """Of medians, with the extremes: what a ratio of two noisy figures is known to. One round has no extremes."""
    if len(above) == len(below) == 1:
        return [above[0] / below[0]]
    return [statistics.median(above) / statistics.median(below), max(above) / min(below), min(above) / max(below)]


def _row(name, what, samples, unit, command, goal, relation, note):
    samples = [float(sample) for sample in (samples if isinstance(samples, (list, tuple)) else [samples])]
    return {"name": name, "what": what, "samples": samples, "unit": unit, "command": command, "goal": goal,
            "relation": relation, "note": note}


def at_least(name, what, samples, goal, unit, command, note=""):
    return _row(name, what, samples, unit, command, goal, "at least", note)


def at_most(name, what, samples, goal, unit, command, note=""):
    return _row(name, what, samples, unit, command, goal, "at most", note)


def exactly(name, what, samples, goal, unit, command, note=""):
    return _row(name, what, samples, unit, command, goal, "exactly", note)


def plain(name, what, samples, unit, command, note=""):
    """Without a goal: what the rows beside it are to be read with."""
    return _row(name, what, samples, unit, command, None, "", note)
