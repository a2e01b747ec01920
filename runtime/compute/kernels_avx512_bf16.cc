#include "runtime/compute/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "runtime/compute/convert_activations.h"
#include "runtime/compute/float_groups.h"

namespace tierscope {
namespace {

// BF16 weights against tiles of activations rounded to BF16: VDPBF16PS takes two columns at a time. The packed group
// is the panel as it stands.
constexpr size_t kPairBytes = kGroupRows * 4;
using TilePair = uint32_t[kFloatTileTokens];  // two columns of each token

uint16_t round_to_bf16(float value) {
  const uint32_t bits = float_bits(value);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

void interleave_pairs(const float* x, size_t stride, size_t tokens, size_t cols, std::byte* units) {
  auto* out = reinterpret_cast<TilePair*>(units);
  for (size_t col = 0; col < cols; col += 2)
    for (size_t token = 0; token < kFloatTileTokens; ++token) {
      const float* at = x + token * stride + col;
      const uint32_t first = token < tokens ? round_to_bf16(at[0]) : 0;
      const uint32_t second = token < tokens && col + 1 < cols ? round_to_bf16(at[1]) : 0;
      out[col / 2][token] = first | second << 16;
    }
}

void copy_panel(const std::byte* group, size_t, size_t first, size_t count, std::byte* panel) {
  std::memcpy(panel, group + first * kPairBytes, count * kPairBytes);
}

__m512bh as_bf16(__m512i bits) {
  return reinterpret_cast<__m512bh>(bits);
}

void multiply_tile(const std::byte* panels, size_t pairs, const std::byte* tile, const TileOutput& out) {
  const auto* x = reinterpret_cast<const TilePair*>(tile);
  const std::byte* second_panel = panels + pairs * kPairBytes;
  __m512 sum[2][kFloatTileTokens];
  for (auto& vector : sum)
    for (__m512& value : vector) value = _mm512_setzero_ps();
  for (size_t pair = 0; pair < pairs; ++pair) {
    const __m512bh weights0 = as_bf16(_mm512_loadu_si512(panels + pair * kPairBytes));
    const __m512bh weights1 = as_bf16(_mm512_loadu_si512(second_panel + pair * kPairBytes));
#pragma GCC unroll 12
    for (size_t token = 0; token < kFloatTileTokens; ++token) {
      const __m512bh values = as_bf16(_mm512_set1_epi32(static_cast<int>(x[pair][token])));
      sum[0][token] = _mm512_dpbf16_ps(sum[0][token], weights0, values);
      sum[1][token] = _mm512_dpbf16_ps(sum[1][token], weights1, values);
    }
  }
  alignas(64) float sums[kFloatTileTokens * kPanelRows];
  for (size_t token = 0; token < kFloatTileTokens; ++token)
    for (size_t half = 0; half < 2; ++half)
      _mm512_store_ps(sums + token * kPanelRows + half * kGroupRows, sum[half][token]);
  put_tile(sums, out);
}

}  // namespace

void use_bf16_products(Kernels& level) {
  level.activations[static_cast<size_t>(ActivationForm::bf16_tile)] = {kFloatTileTokens, 2, sizeof(TilePair),
                                                                       interleave_pairs};
  level.bf16.tile_name = "AVX-512 BF16 (VDPBF16PS)";
  level.bf16.tile_form = ActivationForm::bf16_tile;
  level.bf16.panel_unit_bytes = kPairBytes;
  level.bf16.unpack_panel = copy_panel;
  level.bf16.multiply_tile = multiply_tile;
}

}  // namespace tierscope
#endif
