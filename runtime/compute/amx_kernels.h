// The AMX level's products with BF16 and quantised weights, written over `Tiles`, the tile registers: AmxTiles
// (isa_amx.h) where the CPU has them, a model of them in the tests. Only for files compiled for AVX-512 with VNNI and
// BF16; unnamed namespace on purpose, since each of them compiles its own copy.
#pragma once

#include "runtime/compute/float_groups.h"
#include "runtime/compute/isa_amx.h"
#include "runtime/compute/isa_avx512.h"
#include "runtime/compute/quant_kernels.h"

namespace tierscope {
namespace {

// Tiles of 16 rows x 64 bytes. Products are BF16 for BF16 and quantised weights alike: 32 values deep, summed in
// float32 over all columns of a panel, without a scale in between. Activations lie [32 tokens][32 columns]; weights in
// pairs of columns, [16 pairs][16 rows][2], which is how BF16 groups are packed.
constexpr size_t kTileDepth = 32, kTileRows = 16, kTokens = 2 * kTileRows;
constexpr size_t kTileBytes = kTileRows * kTileDepth * 2;

inline __m512i to_bf16(__m512 low, __m512 high) {
  return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
}

inline void convert_tokens(const float* x, size_t stride, size_t tokens, size_t cols, std::byte* units) {
  for (size_t unit = 0; unit * kTileDepth < cols; ++unit)
    for (size_t token = 0; token < kTokens; ++token) {
      float values[kTileDepth] = {};
      const size_t first = unit * kTileDepth;
      const size_t count = cols - first < kTileDepth ? cols - first : kTileDepth;
      if (token < tokens) std::memcpy(values, x + token * stride + first, count * sizeof(float));
      _mm512_storeu_si512(units + unit * 2 * kTileBytes + token * kTileDepth * 2,
                          to_bf16(_mm512_loadu_ps(values), _mm512_loadu_ps(values + 16)));
    }
}

inline void unpack_bf16(const std::byte* group, size_t cols, size_t first, size_t count, std::byte* panel) {
  const size_t stored = float_group_bytes(DType::bf16, cols), begin = first * kTileBytes;
  const size_t there = stored - begin < count * kTileBytes ? stored - begin : count * kTileBytes;
  std::memcpy(panel, group + begin, there);
  std::memset(panel + there, 0, count * kTileBytes - there);
}

// Two columns of 16 rows as BF16, side by side.
__m512i pair_columns(__m512 even, __m512 odd) {
  const __m512i low = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(even)));
  const __m512i high = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(odd)));
  return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

// By way of the AVX-512 level's panels, whose codes are signed.
template <FormatId kId>
struct QuantToBf16 {
  using Unpacked = QuantKernels<Avx512, kId>;
  using Block = typename Unpacked::Panel;

  static void unpack_panel(const std::byte* group, size_t cols, size_t first, size_t count, std::byte* panel) {
    Block blocks[kSuperBlocks];
    for (size_t done = 0; done < count; done += kSuperBlocks) {
      const size_t some = count - done < kSuperBlocks ? count - done : kSuperBlocks;
      Unpacked::unpack_panel(group, cols, first + done, some, reinterpret_cast<std::byte*>(blocks));
      for (size_t block = 0; block < some; ++block) dequantise(blocks[block], panel + (done + block) * kTileBytes);
    }
  }

  static void dequantise(const Block& block, std::byte* out) {
    for (size_t vector = 0; vector < kCodeVectors; ++vector) {
      const auto& group = block.groups[vector / Unpacked::kSteps];
      const __m512i codes = _mm512_load_si512(block.codes[vector]);
      __m512 values[4];
      for (unsigned col = 0; col < 4; ++col) {
        const __m512i code = _mm512_srai_epi32(_mm512_slli_epi32(codes, 24 - 8 * col), 24);
        values[col] = _mm512_mul_ps(_mm512_cvtepi32_ps(code), _mm512_load_ps(group.scale));
        if constexpr (Unpacked::kTileMin) values[col] = _mm512_sub_ps(values[col], _mm512_load_ps(group.min));
      }
      std::byte* pairs = out + vector * 2 * kGroupRows * 4;
      _mm512_storeu_si512(pairs, pair_columns(values[0], values[1]));
      _mm512_storeu_si512(pairs + kGroupRows * 4, pair_columns(values[2], values[3]));
    }
  }
};

template <class Tiles>
struct AmxKernels {
  // The registers' shape is part of a thread's state. Set by the first tile of a worker's share, and given up at its
  // end: the state costs 8 KiB at each change of threads and each signal, keeps a core from deep sleep, and is not
  // inherited by a forked process.
  static bool& configured() {
    thread_local bool is = false;
    return is;
  }
  static void configure() {
    if (configured()) return;
    TileConfig config;
    for (size_t tile = 0; tile < 8; ++tile) {
      config.row_bytes[tile] = kTileDepth * 2;
      config.rows[tile] = kTileRows;
    }
    Tiles::configure(config);
    configured() = true;
  }
  static void release() {
    if (!configured()) return;
    Tiles::release();
    configured() = false;
  }

  static void multiply_tile(const std::byte* panels, size_t units, const std::byte* tile, const TileOutput& out) {
    constexpr size_t kRowBytes = kTileDepth * 2, kSumBytes = kPanelRows * sizeof(float);
    configure();
    Tiles::template zero<0>();
    Tiles::template zero<1>();
    Tiles::template zero<2>();
    Tiles::template zero<3>();
    for (size_t unit = 0; unit < units; ++unit) {
      Tiles::template load<4>(tile + unit * 2 * kTileBytes, kRowBytes);
      Tiles::template load<5>(tile + (unit * 2 + 1) * kTileBytes, kRowBytes);
      Tiles::template load<6>(panels + unit * kTileBytes, kRowBytes);
      Tiles::template load<7>(panels + (units + unit) * kTileBytes, kRowBytes);
      Tiles::template multiply_bf16<0, 4, 6>();
      Tiles::template multiply_bf16<1, 4, 7>();
      Tiles::template multiply_bf16<2, 5, 6>();
      Tiles::template multiply_bf16<3, 5, 7>();
    }
    alignas(64) float sums[kTokens * kPanelRows];
    Tiles::template store<0>(sums, kSumBytes);
    Tiles::template store<1>(sums + kGroupRows, kSumBytes);
    Tiles::template store<2>(sums + kTileRows * kPanelRows, kSumBytes);
    Tiles::template store<3>(sums + kTileRows * kPanelRows + kGroupRows, kSumBytes);
    put_tile(sums, out);
  }

  using Unpack = void (*)(const std::byte*, size_t, size_t, size_t, std::byte*);

  static void use_tiles(ProductKernel& kernel, Unpack unpack) {
    kernel.tile_name = "AMX BF16 (TDPBF16PS)";
    kernel.tile_form = ActivationForm::amx_tile;
    kernel.panel_unit_bytes = kTileBytes;
    kernel.unpack_panel = unpack;
    kernel.multiply_tile = multiply_tile;
  }

  template <size_t... kIndex>
  static void use_tiles_for_quantised(Kernels& level, std::index_sequence<kIndex...>) {
    (use_tiles(level.quantised[kIndex], QuantToBf16<static_cast<FormatId>(kIndex)>::unpack_panel), ...);
  }

  static void use(Kernels& level) {
    level.activations[static_cast<size_t>(ActivationForm::amx_tile)] = {kTokens, kTileDepth, 2 * kTileBytes,
                                                                        convert_tokens};
    level.end_tiles = release;
    use_tiles(level.bf16, unpack_bf16);
    use_tiles_for_quantised(level, std::make_index_sequence<kFormatCount>());
  }
};

}  // namespace
}  // namespace tierscope
