#!/usr/bin/env bash
# Submits a plan as a Slurm job array, one shard a task, and a job that merges the shards into OUT_DIR/report.html.
#   scripts/slurm/submit.sh PLAN.toml OUT_DIR SHARDS [sbatch options...]
# OUT_DIR must be on a file system that all nodes see. A task whose node fails is requeued and goes on where it was; after a
# task that was killed or failed, submit the same line again: finished cells stay. TIERSCOPE names the program.
set -euo pipefail
if [ $# -lt 3 ]; then
  echo "usage: $0 PLAN.toml OUT_DIR SHARDS [sbatch options...]" >&2
  exit 2
fi
plan=$1 out=$2 shards=$3
shift 3
[ -e "$plan" ] || { echo "$0: no plan at $plan" >&2; exit 1; }
[[ $shards =~ ^[1-9][0-9]*$ ]] || { echo "$0: '$shards' is not a number of shards" >&2; exit 2; }
mkdir -p "$out"

# The tasks read what they need from the environment, so that no name has to survive a second quoting.
export TIERSCOPE=${TIERSCOPE:-build/release/tierscope} TIERSCOPE_PLAN=$plan TIERSCOPE_OUT=$out TIERSCOPE_SHARDS=$shards
# shellcheck disable=SC2016
task='exec "$TIERSCOPE" run "$TIERSCOPE_PLAN" --out "$TIERSCOPE_OUT/shard-$SLURM_ARRAY_TASK_ID" \
  --shard "$SLURM_ARRAY_TASK_ID/$TIERSCOPE_SHARDS" --resume'
# shellcheck disable=SC2016
merge='exec "$TIERSCOPE" report --merge "$TIERSCOPE_OUT"/shard-*/ --out "$TIERSCOPE_OUT/report.html"'

array=$(sbatch --parsable --export=ALL --array="1-$shards" --requeue --open-mode=append --job-name=tierscope \
  --output="$out/shard-%a.log" "$@" --wrap "$task")
report=$(sbatch --parsable --export=ALL --dependency="afterok:$array" --kill-on-invalid-dep=yes --job-name=tierscope-report \
  --output="$out/report.log" "$@" --wrap "$merge")
echo "job array $array runs the shards, job $report merges them into $out/report.html"
