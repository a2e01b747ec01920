// IQ4_NL: 32 values, value = d * level[code] with 16 uneven levels.
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
    out[i] = d * float(kNonLinear[block.codes[i] & 15]);
    out[i + 16] = d * float(kNonLinear[block.codes[i] >> 4]);
  }
}

void encode(const float* values, Block& block) {
  block.d = f32_to_f16(signed_scale(values, 32, 127));
  const float d = f16_to_f32(block.d);
  const auto code = [&](size_t i) { return nearest_non_linear(d == 0 ? 0 : values[i] / d); };
  for (size_t i = 0; i < 16; ++i) block.codes[i] = uint8_t(code(i) | code(i + 16) << 4);
}

}  // namespace

DTypeInfo iq4_nl() {
  return block_dtype<Block, 32, decode, encode>(DType::iq4_nl, "IQ4_NL");
}

}  // namespace tierscope::types
