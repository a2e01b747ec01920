#!/usr/bin/env bash
# Speed of the decoder beside llama.cpp's, in alternating runs on the same file and token ids: prefill, decode, load time,
# start to first logits, peak memory. Medians and ratios as a table; needs a release build and node with npm.
#   scripts/compare-llama-cpp.sh MODEL.gguf [ROUNDS] [--prefill N,N..] [--decode CONTEXT,..] [--repeats N] [--levels L,L..]
#     [--peer-level avx2|avx-vnni] [--untouched]
# --levels: our kernel levels (tierscope cpu names them), a column each. --peer-level: llama.cpp's; without, it chooses.
# The start is measured twice, each in a process of its own: cold, with no page of the file in the page cache, and warm, with
# all or nearly all of them; scripts/start_state.py sees to that right before, and touches free memory unless --untouched
# says otherwise. --repeats 0: nothing but the starts.
set -euo pipefail
cd "$(dirname "$0")/.."
usage='usage: scripts/compare-llama-cpp.sh MODEL.gguf [ROUNDS] [--prefill N,..] [--decode N,..] [--repeats N] [--levels L,..] [--peer-level avx2|avx-vnni] [--untouched]'
model=${1:?$usage}
shift
rounds=2
if [[ ${1:-} =~ ^[0-9]+$ ]]; then rounds=$1; shift; fi
levels=best peer_level="" settings=() memory=() only_starts=no
while [ $# -gt 0 ]; do
  case $1 in
    --untouched) memory=("$1"); shift; continue ;;
    --levels) levels=${2:?$usage} ;;
    --peer-level) peer_level=${2:?$usage} ;;
    --repeats)
      if [ "${2:?$usage}" = 0 ]; then only_starts=yes; else settings+=("$1" "$2"); fi ;;
    --prefill | --decode) settings+=("$1" "${2:?$usage}") ;;
    *) echo "$usage" >&2; exit 2 ;;
  esac
  shift 2
done
peer=build/llama-cpp
mkdir -p "$peer"
[ -d "$peer/node_modules/node-llama-cpp" ] || npm install --silent --no-fund --no-audit --prefix "$peer" node-llama-cpp >&2
# llama.cpp has a library for each kind of CPU and loads the best that runs. A copy of the package with one leaves no choice.
run_in=$peer
if [ -n "$peer_level" ]; then
  case $peer_level in
    avx2) library=haswell ;;
    avx-vnni) library=alderlake ;;
    *) echo "$usage" >&2; exit 2 ;;
  esac
  run_in=$peer/$library
  rm -rf "$run_in"
  mkdir "$run_in"
  cp -rl "$peer"/{package.json,node_modules} "$run_in"
  find "$run_in/node_modules/@node-llama-cpp" -name 'libggml-cpu-*.so' ! -name "*-$library.so" -delete
fi
python3 - "$peer/tokens.txt" <<'PY'
import random, sys
random.seed(1)
open(sys.argv[1], "w").write(" ".join(str(random.randrange(10, 200000)) for _ in range(2304)))
PY
model=$(realpath "$model") tokens=$(realpath "$peer/tokens.txt") script=$(realpath scripts/compare-llama-cpp.mjs)
: > "$peer/runs.jsonl"
ours() { TIERSCOPE_CPU=${level#best} build/release/bench_decoder "$model" "$peer/tokens.txt" "${settings[@]}" "$@"; }
theirs() { (cd "$run_in" && node "$script" "$model" "$tokens" "${settings[@]}" "$@"); }
# A program's two starts, and its speeds where they are asked for, as one object.
measured() {
  local runs=() state
  for state in cold warm; do
    scripts/start_state.py "$state" "$model" "${memory[@]}"
    runs+=("$("$1" --repeats 0)")
  done
  if [ "$only_starts" = no ]; then runs+=("$("$1")"); fi
  python3 - "$2" "${runs[@]}" >> "$peer/runs.jsonl" <<'PY'
import json, sys
cold, warm, *speeds = map(json.loads, sys.argv[2:])
print(json.dumps({"program": sys.argv[1], "cold": cold, "warm": warm, **(speeds[0] if speeds else warm)}))
PY
}
for ((round = 1; round <= rounds; ++round)); do
  for level in ${levels//,/ }; do
    echo "round $round of $rounds: tierscope $level" >&2
    name="tierscope $level"
    measured ours "${name% best}"
  done
  echo "round $round of $rounds: llama.cpp" >&2
  measured theirs llama.cpp
done
python3 - "$peer/runs.jsonl" <<'PY'
import json, statistics, sys
runs = [json.loads(line) for line in open(sys.argv[1])]
programs = list(dict.fromkeys(run["program"] for run in runs))
ours = [program for program in programs if program != "llama.cpp"]
def values(program, keys):
    found = []
    for run in runs:
        if run["program"] == program:
            for key in keys:
                run = run[key]
            found.append(run)
    return found
prefill, decode = [runs[0].get(kind, {}) for kind in ("prefill", "decode")]  # empty where only starts were asked for
rows = [(f"prefill {n}, tokens/s", ("prefill", n)) for n in prefill]
rows += [(f"decode at {n}, tokens/s", ("decode", n)) for n in decode]
for state in ("cold", "warm"):
    rows += [(f"{state} start: load, s", (state, "load_s")),
             (f"{state} start to first logits, s", (state, "start_to_first_logits_s")),
             (f"{state} start: bytes that the device read", (state, "start_device_bytes"))]
rows += [("peak RSS, bytes", ("peak_rss_bytes",))]
rounds = len(values("llama.cpp", ()))
print("| " + " | ".join([f"{rounds} alternating round(s)", "llama.cpp"] + [cell for program in ours for cell in (program, "ratio")]) + " |")
print("| --- |" + " --- |" * (1 + 2 * len(ours)))
for name, keys in rows:
    theirs = statistics.median(values("llama.cpp", keys))
    cells = [name, f"{theirs:.4g}"]
    for program in ours:
        mine = statistics.median(values(program, keys))
        cells += [f"{mine:.4g}", f"{mine / theirs:.2f}" if theirs else ""]
    print("| " + " | ".join(cells) + " |")
if not decode:
    sys.exit()
cells = [f"decode at {min(decode, key=int)}, share of the read loop", ""]
for program in ours:
    cells += [f"{statistics.median(values(program, ('decode_share_of_ram',))):.2f}",
              f"of {statistics.median(values(program, ('ram_read_bytes_per_s',))) / 1e9:.1f} GB/s"]
print("| " + " | ".join(cells) + " |")
print("llama.cpp ran with " + next(run["level"] for run in runs if run["program"] == "llama.cpp"))
PY
