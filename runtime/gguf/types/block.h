// Shared parts of the block types: a DTypeInfo from a block's two conversions, and the scale fits that several types
// quantise with. A fit never leaves a code out of range, so any finite input gives a valid block.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "runtime/gguf/dtype.h"

namespace tierscope::types {

using Half = uint16_t;  // IEEE binary16 as stored

constexpr size_t kSuperBlock = 256;  // values of a K-quant block

template <typename Block, uint32_t kValues, void (*kDecode)(const Block&, float*),
          void (*kEncode)(const float*, Block&)>
DTypeInfo block_dtype(DType type, std::string_view name) {
  const auto dequantize = [](const std::byte* blocks, float* out, size_t values) {
    for (size_t i = 0; i < values; i += kValues, blocks += sizeof(Block)) {
      Block block;
      std::memcpy(&block, blocks, sizeof(Block));
      kDecode(block, out + i);
    }
  };
  const auto quantize = [](const float* values, std::byte* blocks, size_t count) {
    for (size_t i = 0; i < count; i += kValues, blocks += sizeof(Block)) {
      Block block{};
      kEncode(values + i, block);
      std::memcpy(blocks, &block, sizeof(Block));
    }
  };
  return {type, name, kValues, sizeof(Block), dequantize, quantize};
}

inline int nearest_code(float value, float scale, int lowest, int highest) {
  if (scale == 0) return std::clamp(0, lowest, highest);
  return static_cast<int>(std::lround(std::clamp(value / scale, float(lowest), float(highest))));
}

// Codes -half .. half-1: the value of largest magnitude gets code -half, so that the wider side is used.
inline float signed_scale(const float* values, size_t count, int half) {
  float extreme = 0;
  for (size_t i = 0; i < count; ++i)
    if (std::fabs(values[i]) > std::fabs(extreme)) extreme = values[i];
  return extreme / float(-half);
}

// Codes 0 .. levels: value = scale * code + low.
struct Range {
  float scale = 0, low = 0;
};
inline Range fit_range(const float* values, size_t count, int levels) {
  const auto [low, high] = std::minmax_element(values, values + count);
  return {(*high - *low) / float(levels), *low};
}

// A super-block with an unsigned scale and an unsigned minimum per group: value = d * scale * code - dmin * min.
template <size_t kGroups>
struct AffineFit {
  Half d = 0, dmin = 0;
  std::array<uint8_t, kGroups> scale{}, min{};
  std::array<uint8_t, kSuperBlock> code{};
};
template <size_t kGroups>
AffineFit<kGroups> fit_affine(const float* values, int levels, int scale_levels) {
  constexpr size_t kGroup = kSuperBlock / kGroups;
  AffineFit<kGroups> fit;
  std::array<float, kGroups> scales, mins;
  for (size_t g = 0; g < kGroups; ++g) {
    const auto [low, high] = std::minmax_element(values + g * kGroup, values + (g + 1) * kGroup);
    mins[g] = std::max(0.0f, -*low);
    scales[g] = std::max(0.0f, *high + mins[g]) / float(levels);
  }
  fit.d = f32_to_f16(*std::ranges::max_element(scales) / float(scale_levels));
  fit.dmin = f32_to_f16(*std::ranges::max_element(mins) / float(scale_levels));
  const float d = f16_to_f32(fit.d), dmin = f16_to_f32(fit.dmin);
  for (size_t g = 0; g < kGroups; ++g) {
    fit.scale[g] = static_cast<uint8_t>(nearest_code(scales[g], d, 0, scale_levels));
    fit.min[g] = static_cast<uint8_t>(nearest_code(mins[g], dmin, 0, scale_levels));
    for (size_t i = g * kGroup; i < (g + 1) * kGroup; ++i)
      fit.code[i] =
          static_cast<uint8_t>(nearest_code(values[i] + dmin * float(fit.min[g]), d * float(fit.scale[g]), 0, levels));
  }
  return fit;
}

// A super-block with a signed scale per group, -scale_half .. scale_half-1: value = d * scale * code.
template <size_t kGroups>
struct SignedFit {
  Half d = 0;
  std::array<int8_t, kGroups> scale{};
  float group_scale(size_t group) const { return f16_to_f32(d) * float(scale[group]); }
};
// `code_extreme`: the code of largest magnitude, given to each group's extreme value.
template <size_t kGroups>
SignedFit<kGroups> fit_signed(const float* values, int code_extreme, int scale_half) {
  constexpr size_t kGroup = kSuperBlock / kGroups;
  SignedFit<kGroups> fit;
  std::array<float, kGroups> scales;
  for (size_t g = 0; g < kGroups; ++g) scales[g] = signed_scale(values + g * kGroup, kGroup, -code_extreme);
  fit.d = f32_to_f16(signed_scale(scales.data(), kGroups, scale_half));
  for (size_t g = 0; g < kGroups; ++g)
    fit.scale[g] = static_cast<int8_t>(nearest_code(scales[g], f16_to_f32(fit.d), -scale_half, scale_half - 1));
  return fit;
}

// The packing of eight 6-bit scales and eight 6-bit minima into 12 bytes that Q4_K and Q5_K share.
struct ScaleMin {
  uint8_t scale, min;
};
inline ScaleMin unpack_scale_min(const uint8_t (&packed)[12], size_t group) {
  if (group < 4) return {uint8_t(packed[group] & 63), uint8_t(packed[group + 4] & 63)};
  return {uint8_t((packed[group + 4] & 15) | (packed[group - 4] >> 6 << 4)),
          uint8_t((packed[group + 4] >> 4) | (packed[group] >> 6 << 4))};
}
inline void pack_scale_min(uint8_t (&packed)[12], size_t group, ScaleMin value) {
  if (group < 4) {
    packed[group] |= value.scale;
    packed[group + 4] |= value.min;
    return;
  }
  packed[group + 4] = uint8_t((value.scale & 15) | (value.min & 15) << 4);
  packed[group - 4] |= uint8_t(value.scale >> 4 << 6);
  packed[group] |= uint8_t(value.min >> 4 << 6);
}

// The 16 levels of IQ4_NL and IQ4_XS, denser near zero.
constexpr std::array<int8_t, 16> kNonLinear{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
inline uint8_t nearest_non_linear(float value) {
  const auto distance = [value](int8_t level) { return std::fabs(value - float(level)); };
  return static_cast<uint8_t>(std::ranges::min_element(kNonLinear, {}, distance) - kNonLinear.begin());
}

}  // namespace tierscope::types
