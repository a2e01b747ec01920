#!/usr/bin/env bash
# Speed of the decoder beside llama.cpp's, in alternating runs on the same file and token ids: prefill, decode, load time,
# start to first logits, peak memory. Medians and ratios as a table; needs a release build and node with npm.
#   scripts/compare-llama-cpp.sh MODEL.gguf [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/.."
model=${1:?usage: scripts/compare-llama-cpp.sh MODEL.gguf [ROUNDS]}
rounds=${2:-2}
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
for ((round = 1; round <= rounds; ++round)); do
  echo "round $round of $rounds: tierscope" >&2
  build/release/bench_decoder "$model" "$peer/tokens.txt" | python3 -c \
    'import json,sys; print(json.dumps({"program": "tierscope", **json.load(sys.stdin)}))' >> "$peer/runs.jsonl"
  echo "round $round of $rounds: llama.cpp" >&2
  (cd "$peer" && node ../../scripts/compare-llama-cpp.mjs "$model" tokens.txt) | python3 -c \
    'import json,sys; print(json.dumps({"program": "llama.cpp", **json.load(sys.stdin)}))' >> "$peer/runs.jsonl"
done
python3 - "$peer/runs.jsonl" <<'PY'
import json, statistics, sys
runs = [json.loads(line) for line in open(sys.argv[1])]
def median(program, *keys):
    values = []
    for run in runs:
        if run["program"] == program:
            for key in keys:
                run = run[key]
            values.append(run)
    return statistics.median(values)
rows = [(f"prefill {n}, tokens/s", ("prefill", n)) for n in ("128", "512", "2048")]
rows += [(f"decode at {n}, tokens/s", ("decode", n)) for n in ("64", "2048")]
rows += [("load, s", ("load_s",)), ("start to first logits, s", ("start_to_first_logits_s",)),
         ("peak RSS, bytes", ("peak_rss_bytes",))]
print(f"| {len(runs) // 2} alternating rounds | tierscope | llama.cpp | ratio |\n| --- | --- | --- | --- |")
for name, keys in rows:
    ours, theirs = median("tierscope", *keys), median("llama.cpp", *keys)
    print(f"| {name} | {ours:.4g} | {theirs:.4g} | {ours / theirs:.2f} |")
PY
