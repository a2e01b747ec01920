#!/usr/bin/env bash
# Makes reports/samples and README's picture from a run's results, the demo's unless another folder is named.
#   scripts/refresh-sample.sh [RESULTS]
set -euo pipefail
cd "$(dirname "$0")/.."
results=${1:-build/demo/results}
[ -e "$results/results.jsonl" ] || { echo "refresh-sample.sh: $results holds no results.jsonl: run scripts/demo.sh first" >&2; exit 1; }
cmake --build --preset release --target tierscope
mkdir -p reports/samples docs/images
for format in html md; do
  build/release/tierscope report "$results" -q --out "reports/samples/demo.$format"
done
node scripts/picture.mjs build/release/web reports/samples/demo.html docs/images/report.png
ls -l reports/samples docs/images
