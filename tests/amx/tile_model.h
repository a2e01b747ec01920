// A model of AMX's tile registers (palette 1: eight of up to 16 rows x 64 bytes) in plain C++, so that the AMX level's
// kernels run where no CPU has them. As Intel's Software Developer's Manual, volume 2, defines LDTILECFG, TILERELEASE,
// TILEZERO, TILELOADD, TILESTORED and TDPBF16PS; what faults there throws TileFault here. Each thread has its own
// registers.
//
// Rounding: TDPBF16PS is a chain of float32 FMAs, to nearest even, denormal inputs and results taken as zero; even and
// odd columns are summed apart over the tile's depth, then added to each other and to what was there. Whether a result
// is denormal is decided after rounding. NaN payloads and faults in the middle of a tile (start_row) are not modelled.
#pragma once

#include <stdexcept>

#include "runtime/compute/isa_amx.h"

namespace tierscope {

struct TileFault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct TileModel {
  static void configure(const TileConfig& config);
  static void release();
  template <int kTile>
  static void zero() {
    zero(kTile);
  }
  template <int kTile>
  static void load(const void* from, size_t stride) {
    load(kTile, from, stride);
  }
  template <int kTile>
  static void store(void* to, size_t stride) {
    store(kTile, to, stride);
  }
  template <int kSum, int kA, int kB>
  static void multiply_bf16() {
    multiply_bf16(kSum, kA, kB);
  }

  static void zero(int tile);
  static void load(int tile, const void* from, size_t stride);
  static void store(int tile, void* to, size_t stride);
  static void multiply_bf16(int sum, int a, int b);

  // Of all threads: those with a configuration, and products so far.
  static int configured_threads();
  static long products();
};

}  // namespace tierscope
