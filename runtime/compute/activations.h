// The forms in which kernels read activations. A form is a sequence of units along the columns; a unit holds a few
// columns of one token (decode) or of a tile of tokens (prefill). What is missing in a tile or a last unit is zero.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/compute/packed_format.h"

namespace tierscope {

enum class ActivationForm : uint8_t { float_token, int8_token, float_tile, int8_tile, bf16_tile, amx_tile, count };
inline constexpr size_t kActivationForms = static_cast<size_t>(ActivationForm::count);

// Sums of a block's values: of all 32, of the first 16, of the last 16.
inline constexpr size_t kBlockSums = 3;

// int8_token: value = scale * values[i].
struct TokenBlock {
  int8_t values[kBlockValues];
  float scale;
  int32_t sums[kBlockSums];         // of values
  float weighted_sums[kBlockSums];  // scale * sums
  float unused;                     // a cache line
};

// int8_tile: the same for several tokens, in the order of the code vectors.
inline constexpr size_t kTileTokens = 6;
struct TileBlock {
  uint8_t values[kCodeVectors][kTileTokens][4];  // int8, or + 128 where the level's product wants it unsigned
  float scales[kTileTokens];
  float weighted_sums[kBlockSums][kTileTokens];
};

// float_tile: units of one column, [kFloatTileTokens] float32.
inline constexpr size_t kFloatTileTokens = 12;

}  // namespace tierscope
