// Q8_0: 32 values, value = d * code.
#include "runtime/gguf/types/block.h"
#include "runtime/gguf/types/types.h"

namespace tierscope::types {
namespace {

struct Block {
  Half d;
  int8_t codes[32];
};
static_assert(sizeof(Block) == 34);

void decode(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (size_t i = 0; i < 32; ++i) out[i] = d * float(block.codes[i]);
}

void encode(const float* values, Block& block) {
  block.d = f32_to_f16(std::fabs(signed_scale(values, 32, 127)));
  const float d = f16_to_f32(block.d);
  for (size_t i = 0; i < 32; ++i) block.codes[i] = static_cast<int8_t>(nearest_code(values[i], d, -127, 127));
}

}  // namespace

DTypeInfo q8_0() {
  return block_dtype<Block, 32, decode, encode>(DType::q8_0, "Q8_0");
}

}  // namespace tierscope::types
