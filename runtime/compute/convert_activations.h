// Conversion of activations, written so that the compiler vectorises it for the level whose file includes this. All
// levels round alike, so they compute on the same integers. Only for kernels_*.cc: unnamed namespace on purpose, since
// each level compiles its own copy.
#pragma once

#include <cstring>

#include "runtime/compute/kernels.h"

namespace tierscope {
namespace {

inline uint32_t float_bits(float value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

inline float bits_float(uint32_t bits) {
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// Rounds 32 values to int8 by their largest magnitude, ties to even; gives the scale.
inline float round_block(const float* x, int8_t* values) {
  // Magnitudes order like their bits, and integer maxima vectorise without -ffast-math.
  int32_t largest = 0;
  for (size_t i = 0; i < kBlockValues; ++i) {
    const auto magnitude = static_cast<int32_t>(float_bits(x[i]) & 0x7fffffff);
    largest = magnitude > largest ? magnitude : largest;
  }
  const float magnitude = bits_float(static_cast<uint32_t>(largest));
  constexpr float kSmallest = 1e-30F;  // below, 127 / magnitude would overflow
  const float inverse = magnitude > kSmallest ? 127.0F / magnitude : 0.0F;
  // Adding 1.5 * 2^23 leaves the rounded integer in the low bits.
  constexpr float kRounder = 12582912.0F;
  for (size_t i = 0; i < kBlockValues; ++i)
    values[i] = static_cast<int8_t>(static_cast<int32_t>(float_bits(x[i] * inverse + kRounder)) -
                                    static_cast<int32_t>(0x4B400000));
  return magnitude > kSmallest ? magnitude / 127.0F : 0.0F;
}

inline int32_t sum_of_16(const int8_t* values) {
  int32_t sum = 0;
  for (size_t i = 0; i < 16; ++i) sum += values[i];
  return sum;
}

inline void round_tokens(const float* x, size_t stride, size_t tokens, size_t cols, std::byte* units) {
  auto* out = reinterpret_cast<TokenBlock*>(units);
  for (size_t col = 0; col < cols; col += kBlockValues)
    for (size_t token = 0; token < tokens; ++token, ++out) {
      out->scale = round_block(x + token * stride + col, out->values);
      out->sums[1] = sum_of_16(out->values);
      out->sums[2] = sum_of_16(out->values + 16);
      out->sums[0] = out->sums[1] + out->sums[2];
      for (size_t i = 0; i < kBlockSums; ++i) out->weighted_sums[i] = out->scale * static_cast<float>(out->sums[i]);
    }
}

// `kBias`: 0 for int8 values, 128 for unsigned ones.
template <uint8_t kBias>
void round_tile(const float* x, size_t stride, size_t tokens, size_t cols, std::byte* units) {
  auto* blocks = reinterpret_cast<TileBlock*>(units);
  for (size_t block = 0; block < cols / kBlockValues; ++block) {
    TileBlock& out = blocks[block];
    for (size_t token = 0; token < kTileTokens; ++token) {
      alignas(32) int8_t values[kBlockValues] = {};
      out.scales[token] = token < tokens ? round_block(x + token * stride + block * kBlockValues, values) : 0.0F;
      const int32_t first = sum_of_16(values), last = sum_of_16(values + 16);
      out.weighted_sums[0][token] = out.scales[token] * static_cast<float>(first + last);
      out.weighted_sums[1][token] = out.scales[token] * static_cast<float>(first);
      out.weighted_sums[2][token] = out.scales[token] * static_cast<float>(last);
      alignas(32) uint8_t biased[kBlockValues];
      for (size_t i = 0; i < kBlockValues; ++i) biased[i] = static_cast<uint8_t>(values[i] + kBias);
      for (size_t vector = 0; vector < kCodeVectors; ++vector)
        std::memcpy(out.values[vector][token], biased + vector * 4, 4);
    }
  }
}

inline void interleave_floats(const float* x, size_t stride, size_t tokens, size_t cols, std::byte* units) {
  auto* out = reinterpret_cast<float*>(units);
  for (size_t col = 0; col < cols; ++col)
    for (size_t token = 0; token < kFloatTileTokens; ++token)
      out[col * kFloatTileTokens + token] = token < tokens ? x[token * stride + col] : 0.0F;
}

template <size_t kRows>
void put_rows(const float* sums, const TileOutput& out) {
  // A whole panel's rows are a constant, so that they are moved without a loop.
  const size_t rows = kRows != 0 ? kRows : out.rows;
  for (size_t token = 0; token < out.tokens; ++token) {
    float* y = out.y + token * out.stride;
    const float* sum = sums + token * kPanelRows;
    if (out.add)
      for (size_t row = 0; row < rows; ++row) y[row] += sum[row];
    else
      for (size_t row = 0; row < rows; ++row) y[row] = sum[row];
  }
}

// Adds or stores a tile of [kTokens][kPanelRows] sums.
inline void put_tile(const float* sums, const TileOutput& out) {
  return out.rows == kPanelRows ? put_rows<kPanelRows>(sums, out) : put_rows<0>(sums, out);
}

}  // namespace
}  // namespace tierscope
