#!/usr/bin/env bash
# Sets the machine up, checks the format, builds and runs every test; then again under AddressSanitizer and UBSan.
# `test.sh release` and `test.sh asan` do one of the two.
set -euo pipefail
cd "$(dirname "$0")/.."
presets=("$@"); [ $# -gt 0 ] || presets=(release asan)
start=$SECONDS
jobs=$(nproc)

./scripts/setup.sh
./scripts/check-format.sh
for preset in "${presets[@]}"; do
  cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset"
  skip=()
  # A browser and a package show nothing new under a sanitizer.
  [ "$preset" = release ] || skip=(-E '^(web|packaging)\.')
  ctest --preset "$preset" -j "$jobs" "${skip[@]}"
  if [ "$preset" = release ]; then
    # The golden bounds hold at every kernel level that this machine has.
    levels=$(build/release/tierscope cpu --json | python3 -c 'import json, sys; print(*json.load(sys.stdin)["levels"])')
    for level in $levels; do TIERSCOPE_CPU=$level ctest --preset release -R '^golden\.logits$'; done
  fi
  echo "test.sh: $preset passed ($((SECONDS - start)) s)" >&2
done
echo "test.sh: all tests passed: ${presets[*]} ($((SECONDS - start)) s)"
