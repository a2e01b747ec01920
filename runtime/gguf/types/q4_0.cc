// Q4_0: 32 values, value = d * (code - 8). The low nibbles are the first half of the block.
#include "runtime/gguf/types/block.h"
#include "runtime/gguf/types/types.h"

namespace tierscope::types {
namespace {

struct Block {
  Half d;
  uint8_t codes[16];
};
static_assert(sizeof(Block) == 18);

void decode(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (size_t i = 0; i < 16; ++i) {
    out[i] = d * float((block.codes[i] & 15) - 8);
    out[i + 16] = d * float((block.codes[i] >> 4) - 8);
  }
}

void encode(const float* values, Block& block) {
  block.d = f32_to_f16(signed_scale(values, 32, 8));
  const float d = f16_to_f32(block.d);
  const auto code = [&](size_t i) { return nearest_code(values[i], d, -8, 7) + 8; };
  for (size_t i = 0; i < 16; ++i) block.codes[i] = uint8_t(code(i) | code(i + 16) << 4);
}

}  // namespace

DTypeInfo q4_0() {
  return block_dtype<Block, 32, decode, encode>(DType::q4_0, "Q4_0");
}

}  // namespace tierscope::types
