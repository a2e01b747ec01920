// Products with float weights in float32, for any SIMD level. Only for kernels_*.cc; unnamed namespace on purpose,
// since each level compiles its own copy.
#pragma once

#include "runtime/compute/convert_activations.h"
#include "runtime/compute/float_groups.h"
#include "runtime/compute/kernels.h"

namespace tierscope {
namespace {

template <class Isa, DType kType>
struct FloatKernels {
  using Float = typename Isa::Float;
  static constexpr size_t kVectors = kGroupRows / Isa::kLanes;

  // Values of a column's rows [row, row + lanes).
  static Float load_column(const std::byte* group, size_t col, size_t row) {
    if constexpr (kType == DType::bf16)
      return Isa::load_bf16_pairs(group + float_offset(kType, row, col / 2 * 2), col % 2 != 0);
    else if constexpr (kType == DType::f16)
      return Isa::load_halves(group + float_offset(kType, row, col));
    else
      return Isa::load_floats(reinterpret_cast<const float*>(group + float_offset(kType, row, col)));
  }

  // Independent sums hide the latency of the additions.
  static constexpr size_t kSums = 4;
  // Tokens whose sums fit the registers; the others pass by the same columns, which then are in the L1 cache.
  static constexpr size_t kTokensAtOnce = Isa::kFloatTokensAtOnce;
  static constexpr size_t kColumnsAtOnce = 64;
  using Sums = Float[kVectors][kSums];

  // Columns [first, last): column i goes to sum i % kSums, as many tokens as there are.
  template <size_t kTokens>
  static void add_columns(const std::byte* group, size_t first, size_t last, const float* x, size_t stride,
                          Sums* all_sums) {
    Float sums[kTokens][kVectors][kSums];
    std::memcpy(&sums, all_sums, sizeof sums);
    size_t col = first;
    for (; col + kSums <= last; col += kSums)
#pragma GCC unroll 4
      for (size_t i = 0; i < kSums; ++i)
#pragma GCC unroll 2
        for (size_t v = 0; v < kVectors; ++v) {
          const Float weights = load_column(group, col + i, v * Isa::kLanes);
#pragma GCC unroll 4
          for (size_t t = 0; t < kTokens; ++t)
            sums[t][v][i] = Isa::multiply_add(weights, Isa::broadcast(x[t * stride + col + i]), sums[t][v][i]);
        }
    for (; col < last; ++col)
      for (size_t v = 0; v < kVectors; ++v)
        for (size_t t = 0; t < kTokens; ++t)
          sums[t][v][0] = Isa::multiply_add(load_column(group, col, v * Isa::kLanes),
                                            Isa::broadcast(x[t * stride + col]), sums[t][v][0]);
    std::memcpy(all_sums, &sums, sizeof sums);
  }

  template <size_t kTokens>
  static void multiply_tokens(const std::byte* group, size_t cols, const std::byte* units, float* y, size_t stride,
                              const std::byte* next) {
    const auto* x = reinterpret_cast<const float*>(units);
    const ReadStream weights{group, float_group_bytes(kType, cols), next};
    Sums sums[kTokens];
    for (Sums& token : sums)
      for (auto& vector : token)
        for (Float& sum : vector) sum = Isa::zero();
    for (size_t col = 0; col < cols; col += kColumnsAtOnce) {
      const size_t last = col + kColumnsAtOnce < cols ? col + kColumnsAtOnce : cols;
      Isa::prefetch(weights.at(float_offset(kType, 0, col) + kReadAheadBytes),
                    kColumnsAtOnce * kGroupRows * float_bytes(kType));
      constexpr size_t kWhole = kTokens / kTokensAtOnce * kTokensAtOnce;
      for (size_t t = 0; t < kWhole; t += kTokensAtOnce)
        add_columns<kTokensAtOnce>(group, col, last, x + t * cols, cols, sums + t);
      if constexpr (kWhole < kTokens)
        add_columns<kTokens - kWhole>(group, col, last, x + kWhole * cols, cols, sums + kWhole);
    }
    for (size_t t = 0; t < kTokens; ++t)
      for (size_t v = 0; v < kVectors; ++v)
        Isa::store(y + t * stride + v * Isa::kLanes,
                   Isa::add(Isa::add(sums[t][v][0], sums[t][v][1]), Isa::add(sums[t][v][2], sums[t][v][3])));
  }

  static void unpack_panel(const std::byte* group, size_t, size_t first, size_t count, std::byte* panel) {
    auto* out = reinterpret_cast<float*>(panel);
    for (size_t col = first; col < first + count; ++col)
      for (size_t row = 0; row < kGroupRows; row += Isa::kLanes, out += Isa::kLanes)
        Isa::store(out, load_column(group, col, row));
  }

  static void multiply_tile(const std::byte* panels, size_t cols, const std::byte* tile, const TileOutput& out) {
    alignas(64) float sums[kFloatTileTokens * kPanelRows];
    for (size_t row = 0; row < kPanelRows; row += 2 * Isa::kLanes)
      for (size_t token = 0; token < kFloatTileTokens; token += Isa::kFloatTokens)
        multiply_part(reinterpret_cast<const float*>(panels), cols, reinterpret_cast<const float*>(tile), row, token,
                      sums);
    put_tile(sums, out);
  }

  static void multiply_part(const float* panels, size_t cols, const float* x, size_t first_row, size_t first_token,
                            float* sums) {
    constexpr size_t kTokens = Isa::kFloatTokens;
    const float* panel[2];
    for (size_t v = 0; v < 2; ++v) {
      const size_t row = first_row + v * Isa::kLanes;
      panel[v] = panels + row / kGroupRows * cols * kGroupRows + row % kGroupRows;
    }
    Float sum[2][kTokens];
    for (auto& vector : sum)
      for (Float& value : vector) value = Isa::zero();
    for (size_t col = 0; col < cols; ++col) {
      const Float weights0 = Isa::load_floats(panel[0] + col * kGroupRows);
      const Float weights1 = Isa::load_floats(panel[1] + col * kGroupRows);
#pragma GCC unroll 16
      for (size_t t = 0; t < kTokens; ++t) {
        const Float value = Isa::broadcast(x[col * kFloatTileTokens + first_token + t]);
        sum[0][t] = Isa::multiply_add(weights0, value, sum[0][t]);
        sum[1][t] = Isa::multiply_add(weights1, value, sum[1][t]);
      }
    }
    for (size_t v = 0; v < 2; ++v)
      for (size_t t = 0; t < kTokens; ++t)
        Isa::store(sums + (first_token + t) * kPanelRows + first_row + v * Isa::kLanes, sum[v][t]);
  }

  static constexpr ProductKernel entry() {
    return {Isa::kFloatName,
            Isa::kFloatName,
            ActivationForm::float_token,
            ActivationForm::float_tile,
            tokens_kernels<FloatKernels>(),
            kGroupRows * sizeof(float),
            unpack_panel,
            multiply_tile};
  }
};

// The conversions that all SIMD levels share; `kBias` as the level's Dot wants its tiles.
template <uint8_t kBias>
constexpr std::array<ActivationKernel, kActivationForms> activation_kernels() {
  std::array<ActivationKernel, kActivationForms> all{};
  all[static_cast<size_t>(ActivationForm::int8_token)] = {1, kBlockValues, sizeof(TokenBlock), round_tokens};
  all[static_cast<size_t>(ActivationForm::int8_tile)] = {kTileTokens, kBlockValues, sizeof(TileBlock),
                                                         round_tile<kBias>};
  all[static_cast<size_t>(ActivationForm::float_tile)] = {kFloatTileTokens, 1, kFloatTileTokens * sizeof(float),
                                                          interleave_floats};
  return all;
}

}  // namespace
}  // namespace tierscope
