// Q4_1: 32 values, value = d * code + low. The low nibbles are the first half of the block.
#include "runtime/gguf/types/block.h"
#include "runtime/gguf/types/types.h"

namespace tierscope::types {
namespace {

struct Block {
  Half d, low;
  uint8_t codes[16];
};
static_assert(sizeof(Block) == 20);

void decode(const Block& block, float* out) {
  const float d = f16_to_f32(block.d), low = f16_to_f32(block.low);
  for (size_t i = 0; i < 16; ++i) {
    out[i] = d * float(block.codes[i] & 15) + low;
    out[i + 16] = d * float(block.codes[i] >> 4) + low;
  }
}

void encode(const float* values, Block& block) {
  const Range range = fit_range(values, 32, 15);
  block.d = f32_to_f16(range.scale);
  block.low = f32_to_f16(range.low);
  const float d = f16_to_f32(block.d), low = f16_to_f32(block.low);
  const auto code = [&](size_t i) { return nearest_code(values[i] - low, d, 0, 15); };
  for (size_t i = 0; i < 16; ++i) block.codes[i] = uint8_t(code(i) | code(i + 16) << 4);
}

}  // namespace

DTypeInfo q4_1() {
  return block_dtype<Block, 32, decode, encode>(DType::q4_1, "Q4_1");
}

}  // namespace tierscope::types
