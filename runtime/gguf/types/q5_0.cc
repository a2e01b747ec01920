// Q5_0: 32 values, value = d * (code - 16). Bit i of `high` is the fifth bit of value i.
#include "runtime/gguf/types/block.h"
#include "runtime/gguf/types/types.h"

namespace tierscope::types {
namespace {

struct Block {
  Half d;
  uint8_t high[4];
  uint8_t codes[16];
};
static_assert(sizeof(Block) == 22);

int high_bit(const Block& block, size_t i) {
  return (block.high[i / 8] >> (i % 8) & 1) << 4;
}

void decode(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (size_t i = 0; i < 16; ++i) {
    out[i] = d * float(((block.codes[i] & 15) | high_bit(block, i)) - 16);
    out[i + 16] = d * float(((block.codes[i] >> 4) | high_bit(block, i + 16)) - 16);
  }
}

void encode(const float* values, Block& block) {
  block.d = f32_to_f16(signed_scale(values, 32, 16));
  const float d = f16_to_f32(block.d);
  for (size_t i = 0; i < 32; ++i) {
    const int code = nearest_code(values[i], d, -16, 15) + 16;
    block.codes[i % 16] |= uint8_t((code & 15) << (i / 16 * 4));
    block.high[i / 8] |= uint8_t(code >> 4 << (i % 8));
  }
}

}  // namespace

DTypeInfo q5_0() {
  return block_dtype<Block, 32, decode, encode>(DType::q5_0, "Q5_0");
}

}  // namespace tierscope::types
