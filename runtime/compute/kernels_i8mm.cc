#include "runtime/compute/kernels.h"

#if defined(__aarch64__)
#include "runtime/compute/isa_neon.h"
#include "runtime/compute/quant_kernels.h"

namespace tierscope {
namespace {

// SMMLA multiplies 2 rows x 8 columns by 2 tokens x 8 columns into 2 x 2 sums. The panel is the SDOT level's, two code
// vectors zipped so that a row's 8 columns lie together; tiles of tokens are zipped when loaded, once for 8 rows.
template <FormatId kId>
struct MatrixKernels {
  using Unpacked = QuantKernels<NeonDotProd, kId>;
  using Panel = typename Unpacked::Panel;
  static constexpr size_t kRowPairs = 4, kTokenPairs = kTileTokens / 2;

  static void unpack_panel(const std::byte* group, size_t cols, size_t first, size_t count, std::byte* panel) {
    Unpacked::unpack_panel(group, cols, first, count, panel);
    auto* blocks = reinterpret_cast<Panel*>(panel);
    for (size_t block = 0; block < count; ++block)
      for (size_t vector = 0; vector < kCodeVectors; vector += 2)
        zip_rows(reinterpret_cast<uint8_t*>(blocks[block].codes) + vector * kCodeVectorBytes);
  }

  // 2 vectors of [16 rows][4 columns] to [16 rows][8 columns].
  static void zip_rows(uint8_t* codes) {
    uint32x4x2_t rows[4];
    for (size_t four = 0; four < 4; ++four)
      rows[four] = vzipq_u32(vreinterpretq_u32_u8(vld1q_u8(codes + four * 16)),
                             vreinterpretq_u32_u8(vld1q_u8(codes + kCodeVectorBytes + four * 16)));
    for (size_t four = 0; four < 4; ++four)
      for (size_t half = 0; half < 2; ++half)
        vst1q_u8(codes + (four * 2 + half) * 16, vreinterpretq_u8_u32(rows[four].val[half]));
  }

  static void multiply_tile(const std::byte* panels, size_t blocks, const std::byte* tile, const TileOutput& out) {
    alignas(64) float sums[kTileTokens * kPanelRows];
    for (size_t row = 0; row < kPanelRows; row += 2 * kRowPairs) {
      const auto* panel = reinterpret_cast<const Panel*>(panels) + row / kGroupRows * blocks;
      multiply_rows(panel, row % kGroupRows, blocks, reinterpret_cast<const TileBlock*>(tile), sums + row);
    }
    put_tile(sums, out);
  }

  // Of each pair of rows and of tokens: row 0 with both tokens, then row 1.
  static void multiply_rows(const Panel* panel, size_t first_row, size_t blocks, const TileBlock* x, float* sums) {
    float32x4_t sum[kRowPairs][kTokenPairs];
    for (auto& row : sum)
      for (float32x4_t& value : row) value = vdupq_n_f32(0);
    for (size_t block = 0; block < blocks; ++block, ++panel, ++x)
#pragma GCC unroll 2
      for (size_t part = 0; part < Unpacked::kGroups; ++part) {
        int32x4_t products[kRowPairs][kTokenPairs];
        for (auto& row : products)
          for (int32x4_t& value : row) value = vdupq_n_s32(0);
#pragma GCC unroll 4
        for (size_t step = 0; step < Unpacked::kSteps; step += 2) {
          const size_t vector = part * Unpacked::kSteps + step;
          const auto* codes_at =
              reinterpret_cast<const uint8_t*>(panel->codes) + vector * kCodeVectorBytes + first_row * 8;
          int8x16_t tokens[kTokenPairs];
#pragma GCC unroll 3
          for (size_t t = 0; t < kTokenPairs; ++t)
            tokens[t] = zip_tokens(x->values[vector][2 * t], x->values[vector + 1][2 * t]);
#pragma GCC unroll 4
          for (size_t r = 0; r < kRowPairs; ++r) {
            const int8x16_t codes = vreinterpretq_s8_u8(vld1q_u8(codes_at + r * 16));
#pragma GCC unroll 3
            for (size_t t = 0; t < kTokenPairs; ++t) products[r][t] = vmmlaq_s32(products[r][t], codes, tokens[t]);
          }
        }
        const auto& group = panel->groups[part];
#pragma GCC unroll 4
        for (size_t r = 0; r < kRowPairs; ++r) {
          const float32x4_t scale = both_rows(group.scale + first_row + 2 * r);
#pragma GCC unroll 3
          for (size_t t = 0; t < kTokenPairs; ++t)
            sum[r][t] =
                vfmaq_f32(sum[r][t], vcvtq_f32_s32(products[r][t]), vmulq_f32(scale, both_tokens(x->scales + 2 * t)));
          if constexpr (Unpacked::kTileMin) {
            const float32x4_t min = both_rows(group.min + first_row + 2 * r);
#pragma GCC unroll 3
            for (size_t t = 0; t < kTokenPairs; ++t)
              sum[r][t] = vfmsq_f32(sum[r][t], min, both_tokens(x->weighted_sums[Unpacked::block_sum(part)] + 2 * t));
          }
        }
      }
    for (size_t r = 0; r < kRowPairs; ++r)
      for (size_t t = 0; t < kTokenPairs; ++t) {
        vst1_f32(sums + 2 * t * kPanelRows + 2 * r, vget_low_f32(vuzp1q_f32(sum[r][t], sum[r][t])));
        vst1_f32(sums + (2 * t + 1) * kPanelRows + 2 * r, vget_low_f32(vuzp2q_f32(sum[r][t], sum[r][t])));
      }
  }

  // Two tokens' 4 columns each, and their next 4: each token's 8 columns.
  static int8x16_t zip_tokens(const uint8_t* first, const uint8_t* next) {
    const uint32x2x2_t zipped = vzip_u32(vreinterpret_u32_u8(vld1_u8(first)), vreinterpret_u32_u8(vld1_u8(next)));
    return vreinterpretq_s8_u32(vcombine_u32(zipped.val[0], zipped.val[1]));
  }
  static float32x4_t both_rows(const float* rows) {
    const float32x2_t pair = vld1_f32(rows);
    return vcombine_f32(vdup_lane_f32(pair, 0), vdup_lane_f32(pair, 1));
  }
  static float32x4_t both_tokens(const float* tokens) {
    const float32x2_t pair = vld1_f32(tokens);
    return vcombine_f32(pair, pair);
  }

  static void use(ProductKernel& kernel) {
    kernel.tile_name = "NEON int8 (SMMLA)";
    kernel.unpack_panel = unpack_panel;
    kernel.multiply_tile = multiply_tile;
  }
};

template <size_t... kIndex>
void use_for_all(Kernels& level, std::index_sequence<kIndex...>) {
  (MatrixKernels<static_cast<FormatId>(kIndex)>::use(level.quantised[kIndex]), ...);
}

}  // namespace

void use_i8mm_products(Kernels& level) {
  use_for_all(level, std::make_index_sequence<kFormatCount>());
}

}  // namespace tierscope
#endif
