// Q4_K: 8 groups of 32, value = d * scale * code - dmin * min; 6-bit scales and minima.
#include "runtime/gguf/types/block.h"
#include "runtime/gguf/types/types.h"

namespace tierscope::types {
namespace {

struct Block {
  Half d, dmin;
  uint8_t scales[12];
  uint8_t codes[128];  // each 32 bytes hold two groups: low nibbles, then high nibbles
};
static_assert(sizeof(Block) == 144);

void decode(const Block& block, float* out) {
  const float d = f16_to_f32(block.d), dmin = f16_to_f32(block.dmin);
  for (size_t group = 0; group < 8; ++group) {
    const auto [scale, min] = unpack_scale_min(block.scales, group);
    const float step = d * float(scale), low = dmin * float(min);
    for (size_t i = 0; i < 32; ++i)
      out[group * 32 + i] = step * float(block.codes[group / 2 * 32 + i] >> (group % 2 * 4) & 15) - low;
  }
}

void encode(const float* values, Block& block) {
  const auto fit = fit_affine<8>(values, 15, 63);
  block.d = fit.d;
  block.dmin = fit.dmin;
  for (size_t group = 0; group < 8; ++group) {
    pack_scale_min(block.scales, group, {fit.scale[group], fit.min[group]});
    for (size_t i = 0; i < 32; ++i)
      block.codes[group / 2 * 32 + i] |= uint8_t(fit.code[group * 32 + i] << (group % 2 * 4));
  }
}

}  // namespace

DTypeInfo q4_k() {
  return block_dtype<Block, kSuperBlock, decode, encode>(DType::q4_k, "Q4_K");
}

}  // namespace tierscope::types
