#!/usr/bin/env bash
# Answers when a RAM cache in front of an n-gram table pays: makes the corpora (about 13 M tokens, from Debian packages),
# runs experiments/plans/ngram.toml and writes WORK/ngram.html, ngram.json and ngram.md. Nothing is measured: any machine
# gives the same figures. About a quarter of an hour on two cores.
#   scripts/ngram-report.sh WORK
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
program=${TIERSCOPE:-$root/build/release/tierscope}
[ $# -eq 1 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 2; }
[ -x "$program" ] || { echo "ngram-report: $program is missing; build first or set TIERSCOPE" >&2; exit 1; }
program=$(realpath "$program")
mkdir -p "$1"
cd "$1"
[ -f corpora/prose.jsonl.zst ] || TIERSCOPE=$program "$root/scripts/make-corpora.sh" corpora
ln -sfn "$root/traces" traces
resume=()
[ ! -f run/results.jsonl ] || resume=(--resume)
"$program" run "$root/experiments/plans/ngram.toml" --out run "${resume[@]}"
"$program" report run --out ngram.html
"$program" report run --json >ngram.json
python3 "$root/scripts/ngram_tables.py" ngram.json >ngram.md
