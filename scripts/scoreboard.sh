#!/usr/bin/env bash
# Measures every figure that has a goal, side by side, and writes docs/scoreboard.md. Leave the machine alone meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/setup.sh
cmake --preset release >/dev/null
cmake --build --preset release
model=build/demo/gemma4-e2b.gguf
mkdir -p build/demo
[ -e "$model" ] || build/release/tierscope synth gemma4-e2b "$model"
exec python3 scripts/scoreboard.py build/release "$model" docs/scoreboard.md
