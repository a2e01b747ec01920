// The tile registers of AMX, for amx_kernels.h: what a thread does with its own eight of them. Only for kernels_amx.cc,
// and only where the kernel has granted the tile state: anywhere else each of these ends the process.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tierscope {

// The shapes of the registers, in the layout that LDTILECFG reads.
struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(TileConfig) == 64);

#if defined(__x86_64__)
// In assembly rather than by intrinsics: those of g++ 12 do not say that LDTILECFG reads 64 bytes and TILELOADD any at
// all, which leaves the compiler free to drop or delay the stores before them.
struct AmxTiles {
  static void configure(const TileConfig& config) { asm volatile("ldtilecfg %0" : : "m"(config)); }
  static void release() { asm volatile("tilerelease"); }
  template <int kTile>
  static void zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(kTile));
  }
  // Rows are `stride` bytes apart.
  template <int kTile>
  static void load(const void* from, size_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(stride), "i"(kTile) : "memory");
  }
  template <int kTile>
  static void store(void* to, size_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(stride), "i"(kTile) : "memory");
  }
  // sum[m][n] += a[m][2k] * b[k][2n] + a[m][2k + 1] * b[k][2n + 1], summed over k.
  template <int kSum, int kA, int kB>
  static void multiply_bf16() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSum), "i"(kA), "i"(kB));
  }
};
#endif

}  // namespace tierscope
