#include "runtime/compute/kernels.h"

#if defined(__x86_64__)
#include "runtime/compute/float_groups.h"
#include "runtime/compute/isa_avx512.h"
#include "runtime/compute/quant_kernels.h"

namespace tierscope {
namespace {

// Tiles of 16 rows x 64 bytes. Products are BF16 for BF16 and quantised weights alike: 32 values deep, summed in
// float32 over all columns of a panel, without a scale in between. Activations lie [32 tokens][32 columns]; weights in
// pairs of columns, [16 pairs][16 rows][2], which is how BF16 groups are packed.
constexpr size_t kTileDepth = 32, kTileRows = 16, kTokens = 2 * kTileRows;
constexpr size_t kTileBytes = kTileRows * kTileDepth * 2;

// The register file's shape, in the layout that LDTILECFG reads.
struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

// Per thread, once: the shape is part of the thread's state.
void configure_tiles() {
  thread_local bool done = false;
  if (done) return;
  TileConfig config;
  for (size_t tile = 0; tile < 8; ++tile) {
    config.row_bytes[tile] = kTileDepth * 2;
    config.rows[tile] = kTileRows;
  }
  _tile_loadconfig(&config);
  done = true;
}

__m512i to_bf16(__m512 low, __m512 high) {
  return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
}

void convert_tokens(const float* x, size_t stride, size_t tokens, size_t cols, std::byte* units) {
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

void unpack_bf16(const std::byte* group, size_t cols, size_t first, size_t count, std::byte* panel) {
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

void multiply_tile(const std::byte* panels, size_t units, const std::byte* tile, const TileOutput& out) {
  constexpr size_t kRowBytes = kTileDepth * 2, kSumBytes = kPanelRows * sizeof(float);
  configure_tiles();
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (size_t unit = 0; unit < units; ++unit) {
    _tile_loadd(4, tile + unit * 2 * kTileBytes, kRowBytes);
    _tile_loadd(5, tile + (unit * 2 + 1) * kTileBytes, kRowBytes);
    _tile_loadd(6, panels + unit * kTileBytes, kRowBytes);
    _tile_loadd(7, panels + (units + unit) * kTileBytes, kRowBytes);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  alignas(64) float sums[kTokens * kPanelRows];
  _tile_stored(0, sums, kSumBytes);
  _tile_stored(1, sums + kGroupRows, kSumBytes);
  _tile_stored(2, sums + kTileRows * kPanelRows, kSumBytes);
  _tile_stored(3, sums + kTileRows * kPanelRows + kGroupRows, kSumBytes);
  put_tile(sums, out);
}

using Unpack = void (*)(const std::byte*, size_t, size_t, size_t, std::byte*);

void use_tiles(ProductKernel& kernel, Unpack unpack) {
  kernel.tile_name = "AMX BF16 (TDPBF16PS)";
  kernel.tile_form = ActivationForm::amx_tile;
  kernel.panel_unit_bytes = kTileBytes;
  kernel.unpack_panel = unpack;
  kernel.multiply_tile = multiply_tile;
}

template <size_t... kIndex>
void use_tiles_for_quantised(Kernels& level, std::index_sequence<kIndex...>) {
  (use_tiles(level.quantised[kIndex], QuantToBf16<static_cast<FormatId>(kIndex)>::unpack_panel), ...);
}

}  // namespace

void use_amx_products(Kernels& level) {
  level.activations[static_cast<size_t>(ActivationForm::amx_tile)] = {kTokens, kTileDepth, 2 * kTileBytes,
                                                                      convert_tokens};
  use_tiles(level.bf16, unpack_bf16);
  use_tiles_for_quantised(level, std::make_index_sequence<kFormatCount>());
}

}  // namespace tierscope
#endif
