#!/usr/bin/env bash
# Puts the reader beside fio: the same file range, the reader's own histogram of read sizes, io_uring with registered
# file and buffers, at fio's best depth up to 128.
#   scripts/compare-fio.sh MODEL.gguf [ROWS [SECONDS]]
# With a trace: the rows of an n-gram table as `replay` reads them, beside fio's 4 KiB reads of the same file. Prefill in
# chunks of 2,048 tokens against fio at its best depth, decode steps against fio's batches of as many reads; in turns.
#   scripts/compare-fio.sh --ngram TABLE.gguf TRACE [SECONDS [ROUNDS]]
set -euo pipefail
[ "${1:-}" != --ngram ] || exec python3 "$(dirname "$0")/compare_fio_ngram.py" "${@:2}"
model=$1 rows=${2:-4096} seconds=${3:-3}
bench=$(dirname "$0")/../build/release/bench_row_gather
eval "$("$bench" "$model" --bssplit "$rows" | sed 's/^/reader_/')"
echo "reader: $reader_rows rows as $reader_ops reads, sizes $reader_bssplit" >&2

fio_rate() {  # depth -> reads per second
  fio --name=gather --filename="$model" --readonly --rw=randread --direct=1 --ioengine=io_uring --fixedbufs=1 \
    --registerfiles=1 --norandommap --bssplit="$reader_bssplit" --offset="$reader_offset" --size="$reader_size" \
    --blockalign="$reader_align" --iodepth="$1" --iodepth_batch_submit=8 --iodepth_batch_complete_min=1 \
    --iodepth_batch_complete_max=32 --runtime="$seconds" --time_based --minimal 2>/dev/null | cut -d';' -f8
}
best=0 best_depth=0
for depth in 16 32 64 128; do
  rate=$(fio_rate "$depth")
  echo "fio depth $depth: $rate reads/s" >&2
  if [ "$rate" -gt "$best" ]; then best=$rate best_depth=$depth; fi
done
ours=$("$bench" "$model" --benchmark_filter="^io_uring/$rows/" --benchmark_repetitions=5 --benchmark_min_time=0.3 \
  --benchmark_format=json 2>/dev/null |
  python3 -c 'import json,sys; print(next(b["rows_per_s"] for b in json.load(sys.stdin)["benchmarks"] if b.get("aggregate_name") == "median"))')
python3 - "$ours" "$best" "$best_depth" "$reader_rows" "$reader_ops" <<'PY'
import sys
rows_per_s, fio, depth, rows, ops = (float(x) for x in sys.argv[1:])
reads = rows_per_s * ops / rows
print(f"reader {reads:.0f} reads/s ({rows_per_s:.0f} rows/s), fio {fio:.0f} at depth {depth:.0f}: {reads / fio:.1%}")
PY
