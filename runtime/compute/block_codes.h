// Takes the quantised blocks of a file apart: codes, scales and minima of one row. A new quantised type is one function
// and one line of the table in block_codes.cc.
// Source: the block layouts of github.com/ggml-org/ggml (docs of the GGUF types). Pure, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/compute/packed_format.h"

namespace tierscope {

// 256 values of a row for super formats, 32 for the others.
struct BlockCodes {
  uint8_t codes[256];
  uint16_t d = 0;     // half
  uint16_t min = 0;   // half; subtracted
  int8_t scales[16];  // super formats: multiples of d, per scale group
  int8_t minima[16];  // super formats: multiples of min
};

struct QuantType {
  DType type;
  FormatId format;
  void (*take_apart)(const std::byte* block, BlockCodes& out);
};

// Null for types that are not quantised.
const QuantType* quant_type(DType type);

}  // namespace tierscope
