// Q5_1: 32 values, value = d * code + low. Bit i of `high` is the fifth bit of value i.
#include "runtime/gguf/types/block.h"
#include "runtime/gguf/types/types.h"

namespace tierscope::types {
namespace {

struct Block {
  Half d, low;
  uint8_t high[4];
  uint8_t codes[16];
};
static_assert(sizeof(Block) == 24);

int high_bit(const Block& block, size_t i) {
  return (block.high[i / 8] >> (i % 8) & 1) << 4;
}

void decode(const Block& block, float* out) {
  const float d = f16_to_f32(block.d), low = f16_to_f32(block.low);
  for (size_t i = 0; i < 16; ++i) {
    out[i] = d * float((block.codes[i] & 15) | high_bit(block, i)) + low;
    out[i + 16] = d * float((block.codes[i] >> 4) | high_bit(block, i + 16)) + low;
  }
}

void encode(const float* values, Block& block) {
  const Range range = fit_range(values, 32, 31);
  block.d = f32_to_f16(range.scale);
  block.low = f32_to_f16(range.low);
  const float d = f16_to_f32(block.d), low = f16_to_f32(block.low);
  for (size_t i = 0; i < 32; ++i) {
    const int code = nearest_code(values[i] - low, d, 0, 31);
    block.codes[i % 16] |= uint8_t((code & 15) << (i / 16 * 4));
    block.high[i / 8] |= uint8_t(code >> 4 << (i % 8));
  }
}

}  // namespace

DTypeInfo q5_1() {
  return block_dtype<Block, 32, decode, encode>(DType::q5_1, "Q5_1");
}

}  // namespace tierscope::types
