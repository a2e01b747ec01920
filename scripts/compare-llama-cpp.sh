#!/usr/bin/env bash
# Speed of the decoder beside llama.cpp's, in alternating runs on the same file and token ids: prefill, decode, load time,
# start to first logits, peak memory. Medians and ratios as a table; needs a release build and node with npm.
#   scripts/compare-llama-cpp.sh MODEL.gguf [ROUNDS] [--prefill N,N..] [--decode CONTEXT,..] [--repeats N] [--levels L,L..]
# --levels: our kernel levels (tierscope cpu names them), a column each; llama.cpp always chooses its own.
set -euo pipefail
cd "$(dirname "$0")/.."
usage='usage: scripts/compare-llama-cpp.sh MODEL.gguf [ROUNDS] [--prefill N,..] [--decode N,..] [--repeats N] [--levels L,..]'
model=${1:?$usage}
shift
rounds=2
if [[ ${1:-} =~ ^[0-9]+$ ]]; then rounds=$1; shift; fi
levels=best settings=()
while [ $# -gt 0 ]; do
  case $1 in
    --levels) levels=${2:?$usage} ;;
    --prefill | --decode | --repeats) settings+=("$1" "${2:?$usage}") ;;
    *) echo "$usage" >&2; exit 2 ;;
  esac
  shift 2
done
peer=build/llama-cpp
mkdir -p "$peer"
[ -d "$peer/node_modules/node-llama-cpp" ] || npm install --silent --no-fund --no-audit --prefix "$peer" node-llama-cpp >&2
python3 - "$peer/tokens.txt" <<'PY'
import random, sys
random.seed(1)
open(sys.argv[1], "w").write(" ".join(str(random.randrange(10, 200000)) for _ in range(2304)))
PY
model=$(realpath "$model")
: > "$peer/runs.jsonl"
named() { python3 -c 'import json,sys; print(json.dumps({"program": sys.argv[1], **json.load(sys.stdin)}))' "$1" >> "$peer/runs.jsonl"; }
for ((round = 1; round <= rounds; ++round)); do
  for level in ${levels//,/ }; do
    echo "round $round of $rounds: tierscope $level" >&2
    name="tierscope $level"
    TIERSCOPE_CPU=${level#best} build/release/bench_decoder "$model" "$peer/tokens.txt" "${settings[@]}" | named "${name% best}"
  done
  echo "round $round of $rounds: llama.cpp" >&2
  (cd "$peer" && node ../../scripts/compare-llama-cpp.mjs "$model" tokens.txt "${settings[@]}") | named llama.cpp
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
rows = [(f"prefill {n}, tokens/s", ("prefill", n)) for n in runs[0]["prefill"]]
rows += [(f"decode at {n}, tokens/s", ("decode", n)) for n in runs[0]["decode"]]
rows += [("load, s", ("load_s",)), ("start to first logits, s", ("start_to_first_logits_s",)),
         ("peak RSS, bytes", ("peak_rss_bytes",))]
rounds = len(values("llama.cpp", ()))
print("| " + " | ".join([f"{rounds} alternating round(s)", "llama.cpp"] + [cell for program in ours for cell in (program, "ratio")]) + " |")
print("| --- |" + " --- |" * (1 + 2 * len(ours)))
for name, keys in rows:
    theirs = statistics.median(values("llama.cpp", keys))
    cells = [name, f"{theirs:.4g}"]
    for program in ours:
        mine = statistics.median(values(program, keys))
        cells += [f"{mine:.4g}", f"{mine / theirs:.2f}"]
    print("| " + " | ".join(cells) + " |")
cells = [f"decode at {min(runs[0]['decode'], key=int)}, share of the read loop", ""]
for program in ours:
    cells += [f"{statistics.median(values(program, ('decode_share_of_ram',))):.2f}",
              f"of {statistics.median(values(program, ('ram_read_bytes_per_s',))) / 1e9:.1f} GB/s"]
print("| " + " | ".join(cells) + " |")
PY
