// Q5_K: 8 groups of 32, value = d * scale * code - dmin * min; 6-bit scales and minima.
#include "runtime/gguf/types/block.h"
#include "runtime/gguf/types/types.h"

namespace tierscope::types {
namespace {

struct Block {
  Half d, dmin;
  uint8_t scales[12];
  uint8_t high[32];    // bit g of byte i: the fifth bit of value i of group g
  uint8_t codes[128];  // each 32 bytes hold two groups: low nibbles, then high nibbles
};
static_assert(sizeof(Block) == 176);

void decode(const Block& block, float* out) {
  const float d = f16_to_f32(block.d), dmin = f16_to_f32(block.dmin);
  for (size_t group = 0; group < 8; ++group) {
    const auto [scale, min] = unpack_scale_min(block.scales, group);
    const float step = d * float(scale), low = dmin * float(min);
    for (size_t i = 0; i < 32; ++i) {
      const int code = (block.codes[group / 2 * 32 + i] >> (group % 2 * 4) & 15) | (block.high[i] >> group & 1) << 4;
      out[group * 32 + i] = step * float(code) - low;
    }
  }
}

void encode(const float* values, Block& block) {
  const auto fit = fit_affine<8>(values, 31, 63);
  block.d = fit.d;
  block.dmin = fit.dmin;
  for (size_t group = 0; group < 8; ++group) {
    pack_scale_min(block.scales, group, {fit.scale[group], fit.min[group]});
    for (size_t i = 0; i < 32; ++i) {
      const unsigned code = fit.code[group * 32 + i];
      block.codes[group / 2 * 32 + i] |= uint8_t((code & 15) << (group % 2 * 4));
      block.high[i] |= uint8_t(code >> 4 << group);
    }
  }
}

}  // namespace

DTypeInfo q5_k() {
  return block_dtype<Block, kSuperBlock, decode, encode>(DType::q5_k, "Q5_K");
}

}  // namespace tierscope::types
