#!/usr/bin/env bash
# The main job on a full-size model: sets the machine up, builds, makes a Gemma 4 E2B file (4.1 GB, kept for the next
# time), probes this machine, runs experiments/plans/demo.toml on its tiers, prints the table and where the report is.
set -euo pipefail
cd "$(dirname "$0")/.."
start=$SECONDS
note="from a fresh machine"
[ ! -e build/release/tierscope ] || note="built before"
say() { printf '\n== %s (%d s)\n' "$*" $((SECONDS - start)) >&2; }

say "installing what is missing"
./scripts/setup.sh
say "building"
cmake --preset release >/dev/null
cmake --build --preset release --target tierscope
tierscope=build/release/tierscope
demo=build/demo
mkdir -p "$demo"
if [ ! -e "$demo/gemma4-e2b.gguf" ]; then
  say "making $demo/gemma4-e2b.gguf"
  "$tierscope" synth gemma4-e2b "$demo/gemma4-e2b.gguf"
fi
"$tierscope" learn --trace traces/data/gsm8k_test.jsonl.zst --out "$demo/maths.hot" >/dev/null
say "probing this machine"
"$tierscope" probe -q --model "$demo/gemma4-e2b.gguf" --out "$demo/here.toml"
say "running experiments/plans/demo.toml"
rm -rf "$demo/results"
"$tierscope" run experiments/plans/demo.toml --out "$demo/results" >/dev/null
printf '{"seconds": %d, "note": "%s"}\n' $((SECONDS - start)) "$note" > "$demo/duration.json"  # for the scoreboard
say "the result"
"$tierscope" report "$demo/results"
printf 'demo: done in %d s; open %s in a browser\n' $((SECONDS - start)) "$PWD/$demo/results/report.html"
