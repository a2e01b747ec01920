#!/usr/bin/env bash
# Measures every figure that has a goal, side by side, and writes docs/scoreboard.md. Leave the machine alone meanwhile.
#   scripts/scoreboard.sh [--only SECTION ... | --missing | --list | --render | --check]
# TIERSCOPE_MODEL names a full-size E2B elsewhere; without it, one is made under build/demo.
set -euo pipefail
cd "$(dirname "$0")/.."
case " $* " in *" --list "* | *" --render "* | *" --check "* | *" --help "*) exec python3 scripts/scoreboard "$@" ;; esac
model=${TIERSCOPE_MODEL:-build/demo/gemma4-e2b.gguf}
./scripts/setup.sh
cmake --preset release >/dev/null
cmake --build --preset release
mkdir -p "$(dirname "$model")"
[ -e "$model" ] || build/release/tierscope synth gemma4-e2b "$model"
exec python3 scripts/scoreboard --model "$model" "$@"
