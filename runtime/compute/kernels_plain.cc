// The plain twins: no vector instructions named, so that they run anywhere and the fast levels are tested against them.
// Inner loops go over the 16 rows of a group, which compilers vectorise.
#include <utility>

#include "runtime/compute/float_kernels.h"
#include "runtime/compute/pack.h"

namespace tierscope {
namespace {

// A "vector" of one row, for the shared float products.
struct Scalar {
  using Float = float;
  static constexpr size_t kLanes = 1, kFloatTokens = 4, kFloatTokensAtOnce = 1;
  static constexpr const char* kFloatName = "plain float32 loops";
  static void store(float* to, float value) { *to = value; }
  static float zero() { return 0; }
  static float broadcast(float value) { return value; }
  static float add(float a, float b) { return a + b; }
  static float multiply_add(float a, float b, float c) { return a * b + c; }
  static float load_floats(const float* from) { return *from; }
  static float load_halves(const std::byte* from) { return f16_to_f32(bits_at(from)); }
  static float load_bf16_pairs(const std::byte* from, bool second) {
    return bf16_to_f32(bits_at(from + (second ? 2 : 0)));
  }
  static void prefetch(const std::byte*, size_t) {}
  static uint16_t bits_at(const std::byte* from) {
    uint16_t bits = 0;
    std::memcpy(&bits, from, sizeof bits);
    return bits;
  }
};

// One block of 32 columns of a row group.
struct PlainPanel {
  int16_t codes[kBlockValues][kGroupRows];  // the offset subtracted
  float scale[2][kGroupRows];               // of each half
  float min[2][kGroupRows];
};

PlainPanel unpack_block(const PackedFormat& format, const std::byte* group, size_t blocks, size_t block) {
  PlainPanel panel;
  for (size_t row = 0; row < kGroupRows; ++row) {
    uint8_t codes[kBlockValues];
    unpack_codes(format, group + format.codes_offset(block), row, codes);
    for (size_t i = 0; i < kBlockValues; ++i) panel.codes[i][row] = static_cast<int16_t>(codes[i] - format.offset);
    for (size_t half = 0; half < 2; ++half) {
      const ScaleAndMin both = unpack_scale(format, group, blocks, row, block, half * format.groups_per_block() / 2);
      panel.scale[half][row] = both.scale;
      panel.min[half][row] = both.min;
    }
  }
  return panel;
}

// sums[row] += the block's products with 32 int8 values, `step` bytes from one group of four to the next.
void add_block(const PlainPanel& panel, const int8_t* values, size_t step, float scale, float* sums) {
  for (size_t half = 0; half < 2; ++half) {
    int32_t products[kGroupRows] = {};
    int32_t total = 0;
    for (size_t i = half * 16; i < half * 16 + 16; ++i) {
      const int32_t value = values[i / 4 * step + i % 4];
      total += value;
      for (size_t row = 0; row < kGroupRows; ++row) products[row] += panel.codes[i][row] * value;
    }
    for (size_t row = 0; row < kGroupRows; ++row)
      sums[row] += scale * (panel.scale[half][row] * static_cast<float>(products[row]) -
                            panel.min[half][row] * static_cast<float>(total));
  }
}

template <FormatId kId>
struct PlainQuant {
  static constexpr PackedFormat kFormat = packed_format(kId);

  template <size_t kTokens>
  static void multiply_tokens(const std::byte* group, size_t cols, const std::byte* units, float* y, size_t stride,
                              const std::byte*) {
    const auto* x = reinterpret_cast<const TokenBlock*>(units);
    const size_t blocks = cols / kBlockValues;
    float sums[kTokens][kGroupRows] = {};
    for (size_t block = 0; block < blocks; ++block, x += kTokens) {
      const PlainPanel panel = unpack_block(kFormat, group, blocks, block);
      for (size_t t = 0; t < kTokens; ++t) add_block(panel, x[t].values, 4, x[t].scale, sums[t]);
    }
    for (size_t t = 0; t < kTokens; ++t) std::memcpy(y + t * stride, sums[t], sizeof sums[t]);
  }

  static void unpack_panel(const std::byte* group, size_t cols, size_t first, size_t count, std::byte* panel) {
    auto* out = reinterpret_cast<PlainPanel*>(panel);
    for (size_t block = 0; block < count; ++block)
      out[block] = unpack_block(kFormat, group, cols / kBlockValues, first + block);
  }

  static void multiply_tile(const std::byte* panels, size_t blocks, const std::byte* tile, const TileOutput& out) {
    const auto* panel = reinterpret_cast<const PlainPanel*>(panels);
    const auto* x = reinterpret_cast<const TileBlock*>(tile);
    float sums[kTileTokens * kPanelRows] = {};
    for (size_t token = 0; token < out.tokens; ++token)
      for (size_t group = 0; group < kPanelGroups; ++group)
        for (size_t block = 0; block < blocks; ++block)
          add_block(panel[group * blocks + block], reinterpret_cast<const int8_t*>(x[block].values[0][token]),
                    sizeof x->values[0], x[block].scales[token], sums + token * kPanelRows + group * kGroupRows);
    put_tile(sums, out);
  }

  static constexpr ProductKernel entry() {
    return {"plain int8 loops",
            "plain int8 loops",
            ActivationForm::int8_token,
            ActivationForm::int8_tile,
            tokens_kernels<PlainQuant>(),
            sizeof(PlainPanel),
            unpack_panel,
            multiply_tile};
  }
};

template <size_t... kIndex>
constexpr std::array<ProductKernel, kFormatCount> plain_entries(std::index_sequence<kIndex...>) {
  return {PlainQuant<static_cast<FormatId>(kIndex)>::entry()...};
}

}  // namespace

const Kernels& plain_kernels() {
  static constexpr Kernels kAll{activation_kernels<0>(), plain_entries(std::make_index_sequence<kFormatCount>()),
                                FloatKernels<Scalar, DType::f32>::entry(), FloatKernels<Scalar, DType::f16>::entry(),
                                FloatKernels<Scalar, DType::bf16>::entry()};
  return kAll;
}

}  // namespace tierscope
