#!/usr/bin/env bash
# Installs what the build, the tests and the demo need, from Debian's packages. Safe to run again.
set -euo pipefail
packages=(
  g++ clang clang-format cmake ninja-build pkg-config git ca-certificates python3
  libboost-program-options-dev libfmt-dev liburing-dev libhwloc-dev catch2 libbenchmark-dev
  libtomlplusplus-dev nlohmann-json3-dev libsimdjson-dev libzstd-dev zstd libxxhash-dev libhwy-dev
  ocl-icd-opencl-dev opencl-headers opencl-clhpp-headers pocl-opencl-icd fio
  chromium fonts-dejavu-core python3-jsonschema slurm-wlm dpkg-dev groff-base zsh fish g++-aarch64-linux-gnu qemu-user
)
# A Node.js from elsewhere brings its own npm, with which Debian's package conflicts.
command -v npm >/dev/null || packages+=(nodejs npm)
missing=()
for p in "${packages[@]}"; do
  dpkg-query -W -f='${db:Status-Status}\n' "$p" 2>/dev/null | grep -qx installed || missing+=("$p")
done
if [ ${#missing[@]} -gt 0 ]; then
  sudo=; [ "$(id -u)" -eq 0 ] || sudo=sudo
  echo "setup: installing ${missing[*]}" >&2
  $sudo apt-get update -q >&2
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
fi
