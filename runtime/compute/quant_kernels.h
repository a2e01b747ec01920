// Products with packed quantised weights, for any SIMD level: `Isa` names the vectors and instructions (see
// kernels_avx512.cc for what it offers). Only for kernels_*.cc; unnamed namespace on purpose, since each level compiles
// its own copy.
#pragma once

#include <bit>
#include <utility>

#include "runtime/compute/convert_activations.h"
#include "runtime/compute/kernels.h"

namespace tierscope {
namespace {

// Unpacked columns of a row group: one block of 32.
template <size_t kGroups>
struct alignas(64) PanelBlock {
  uint8_t codes[kCodeVectors][kCodeVectorBytes];
  struct {
    float scale[kGroupRows];
    float min[kGroupRows];
    int32_t bias[kGroupRows];  // what the codes' products start from
  } groups[kGroups];
};

template <class Isa, FormatId kId>
struct QuantKernels {
  using Int = typename Isa::Int;
  using Float = typename Isa::Float;
  static constexpr PackedFormat kFormat = packed_format(kId);
  static constexpr size_t kGroups = kFormat.groups_per_block();
  static constexpr size_t kSteps = kCodeVectors / kGroups;  // code vectors of a scale group
  static constexpr size_t kHalves = kGroupRows / Isa::kLanes;
  static constexpr size_t kUnitBlocks = kFormat.unit_blocks();
  static constexpr size_t kKinds = kFormat.has_min ? 2 : 1;
  using Dot = typename Isa::template Dot<kFormat.largest_code(), kSteps>;
  using Panel = PanelBlock<kGroups>;
  // Codes that the product takes as signed are stored + 128 and lose it when loaded.
  static constexpr int kTokenOffset = kFormat.offset - (Dot::kSignedCodes ? 128 : 0);
  // In tiles the offset either goes into the codes or acts as a minimum.
  static constexpr bool kTileMin = kFormat.has_min || (!Dot::kSignedTileCodes && kFormat.offset != 0);

  // Vector `index` of the 2-bit or 1-bit plane that is `width` wide, moved to bit `to` of the code.
  template <unsigned kWidth, unsigned kTo>
  static Int plane_part(Int plane, size_t part) {
    const auto from = static_cast<unsigned>(part) * kWidth;
    const Int moved = from > kTo ? Isa::shift_right(plane, from - kTo) : Isa::shift_left(plane, kTo - from);
    return Isa::mask(moved, ((1U << kWidth) - 1) << kTo);
  }

  static void load_codes(const std::byte* block, size_t half, Int (&codes)[kCodeVectors]) {
    const std::byte* from = block + half * Isa::kLanes * 4;
    if constexpr (kFormat.bits == 8)
      for (size_t i = 0; i < kCodeVectors; ++i) codes[i] = Isa::load(from + i * kCodeVectorBytes);
    if constexpr ((kFormat.bits & 7) >= 4)
      for (size_t i = 0; i < 4; ++i) {
        const Int pair = Isa::load(from + i * kCodeVectorBytes);
        codes[i] = Isa::mask(pair, 15);
        codes[i + 4] = Isa::mask(Isa::shift_right(pair, 4), 15);
      }
    constexpr size_t kAfterNibbles = (kFormat.bits & 4) * kCodeVectorBytes;
    constexpr unsigned kPairBit = kFormat.bits & 4;
    if constexpr ((kFormat.bits & 2) != 0)
      for (size_t i = 0; i < kCodeVectors; ++i) {
        const Int plane = Isa::load(from + kAfterNibbles + i / 4 * kCodeVectorBytes);
        const Int part = plane_part<2, kPairBit>(plane, i % 4);
        codes[i] = kPairBit == 0 ? part : Isa::combine(codes[i], part);
      }
    if constexpr ((kFormat.bits & 1) != 0) {
      const Int plane = Isa::load(from + (kFormat.bits & 6) * kCodeVectorBytes);
      for (size_t i = 0; i < kCodeVectors; ++i)
        codes[i] = Isa::combine(codes[i], plane_part<1, kFormat.bits & 6>(plane, i));
    }
    if constexpr (kFormat.codebook)
      for (Int& code : codes) code = Isa::lookup(kCodebook, code);
    if constexpr (Dot::kSignedCodes)
      for (Int& code : codes) code = Isa::flip_sign_bits(code);
  }

  // A unit's scales, one scale group after the other.
  class Scales {
   public:
    void start_unit(const std::byte* at, size_t half) {
      at_ = at;
      half_ = half;
      if constexpr (kFormat.super) load_halves();
    }
    void next(Float& scale, Float& min) {
      if constexpr (!kFormat.super) load_halves();
      scale = d_;
      min = min_;
      if constexpr (kFormat.super) {
        scale = Isa::multiply(d_, Isa::load_int8(at_ + half_ * Isa::kLanes));
        if constexpr (kFormat.has_min)
          min = Isa::multiply(min_, Isa::load_int8(at_ + kGroupRows + half_ * Isa::kLanes));
        at_ += kKinds * kGroupRows;
      }
    }

   private:
    void load_halves() {
      d_ = Isa::load_halves(at_ + half_ * Isa::kLanes * 2);
      if constexpr (kFormat.has_min) min_ = Isa::load_halves(at_ + (kGroupRows + half_ * Isa::kLanes) * 2);
      at_ += kKinds * kGroupRows * 2;
    }

    const std::byte* at_ = nullptr;
    size_t half_ = 0;
    Float d_{}, min_{};
  };

  // Which of a block's sums belongs to a scale group.
  static constexpr size_t block_sum(size_t group) { return kGroups == 1 ? 0 : group + 1; }

  // All rows of a block before the next block: the weights are read once, whatever the width of the vectors. Each token
  // is summed in the same order, whatever kTokens.
  template <size_t kTokens>
  static void multiply_tokens(const std::byte* group, size_t cols, const std::byte* units, float* y, size_t stride,
                              const std::byte* next) {
    const size_t blocks = cols / kBlockValues;
    const ReadStream ahead{group, kFormat.group_bytes(blocks), next};
    const auto* x = reinterpret_cast<const TokenBlock*>(units);
    Float sum[kHalves][kTokens];
    for (auto& half : sum)
      for (Float& value : half) value = Isa::zero();
    size_t at = 0, block = 0;
    for (; block + kUnitBlocks <= blocks; block += kUnitBlocks, at += kFormat.unit_bytes()) {
      Isa::prefetch(ahead.at(at + kReadAheadBytes), kFormat.unit_bytes());
      add_unit<kUnitBlocks>(group + at, x + block * kTokens, sum);
    }
    if constexpr (kUnitBlocks == 2)
      if (block < blocks) add_unit<1>(group + at, x + block * kTokens, sum);
    for (size_t half = 0; half < kHalves; ++half)
      for (size_t t = 0; t < kTokens; ++t) Isa::store(y + t * stride + half * Isa::kLanes, sum[half][t]);
  }

  template <size_t kBlocks, size_t kTokens>
  [[gnu::always_inline]] static void add_unit(const std::byte* unit, const TokenBlock* x,
                                              Float (&sum)[kHalves][kTokens]) {
    Scales scales[kHalves];
    for (size_t half = 0; half < kHalves; ++half)
      scales[half].start_unit(unit + kBlocks * kFormat.code_block_bytes(), half);
    for (size_t block = 0; block < kBlocks; ++block, x += kTokens)
#pragma GCC unroll 2
      for (size_t half = 0; half < kHalves; ++half) {
        Int codes[kCodeVectors];
        load_codes(unit + block * kFormat.code_block_bytes(), half, codes);
#pragma GCC unroll 2
        for (size_t part = 0; part < kGroups; ++part) {
          Float scale, min;
          scales[half].next(scale, min);
          Int products[kTokens];
          multiply_codes<kTokens>(codes + part * kSteps, x, part, products);
#pragma GCC unroll 8
          for (size_t t = 0; t < kTokens; ++t) {
            sum[half][t] = Isa::multiply_add(Isa::to_float(products[t]),
                                             Isa::multiply(scale, Isa::broadcast(x[t].scale)), sum[half][t]);
            if constexpr (kFormat.has_min)
              sum[half][t] =
                  Isa::subtract_product(min, Isa::broadcast(x[t].weighted_sums[block_sum(part)]), sum[half][t]);
          }
        }
      }
  }

  // The products of a scale group's codes with each token's values, exact.
  template <size_t kTokens>
  static void multiply_codes(const Int* codes, const TokenBlock* x, size_t part, Int (&products)[kTokens]) {
#pragma GCC unroll 8
    for (size_t first = 0; first < kSteps; first += Dot::kRun) {
      Int run[kTokens];
#pragma GCC unroll 8
      for (size_t step = first; step < first + Dot::kRun; ++step)
#pragma GCC unroll 8
        for (size_t t = 0; t < kTokens; ++t) {
          const Int values = Isa::broadcast_word(x[t].values + (part * kSteps + step) * 4);
          run[t] = Dot::multiply(codes[step], values, step == first ? nullptr : &run[t]);
        }
#pragma GCC unroll 8
      for (size_t t = 0; t < kTokens; ++t)
        products[t] = first == 0 ? Dot::finish(run[t]) : Isa::add_ints(products[t], Dot::finish(run[t]));
    }
    if constexpr (kTokenOffset != 0) {
      static_assert(std::has_single_bit(static_cast<unsigned>(kTokenOffset)));
#pragma GCC unroll 8
      for (size_t t = 0; t < kTokens; ++t)
        products[t] = Isa::subtract_ints(products[t],
                                         Isa::shift_left_ints(Isa::broadcast_word(&x[t].sums[block_sum(part)]),
                                                              std::countr_zero(static_cast<unsigned>(kTokenOffset))));
    }
  }

  static void unpack_panel(const std::byte* group, size_t cols, size_t first, size_t count, std::byte* panel) {
    const size_t blocks = cols / kBlockValues;
    for (size_t half = 0; half < kHalves; ++half) {
      auto* out = reinterpret_cast<Panel*>(panel);
      Scales scales;
      for (size_t block = first; block < first + count; ++block, ++out) {
        if (block % kUnitBlocks == 0) scales.start_unit(group + kFormat.scales_offset(block, blocks), half);
        Int codes[kCodeVectors];
        load_codes(group + kFormat.codes_offset(block), half, codes);
        constexpr int kSubtract = Dot::kSignedTileCodes ? kTokenOffset : 0;
        for (size_t i = 0; i < kCodeVectors; ++i) {
          if constexpr (kSubtract != 0) codes[i] = Isa::subtract_bytes(codes[i], kSubtract);
          Isa::store(&out->codes[i][half * Isa::kLanes * 4], codes[i]);
        }
        for (size_t part = 0; part < kGroups; ++part) {
          Float scale, min;
          scales.next(scale, min);
          auto& to = out->groups[part];
          Isa::store(to.scale + half * Isa::kLanes, scale);
          if constexpr (kTileMin && !kFormat.has_min)
            min = Isa::multiply(scale, Isa::broadcast(static_cast<float>(kTokenOffset)));
          if constexpr (kTileMin) Isa::store(to.min + half * Isa::kLanes, min);
          if constexpr (Dot::kTileBias) Isa::store(to.bias + half * Isa::kLanes, Dot::tile_bias(codes + part * kSteps));
        }
      }
    }
  }

  // Two vectors of rows by Isa::kIntTokens tokens at a time, the sums in registers.
  static void multiply_tile(const std::byte* panels, size_t blocks, const std::byte* tile, const TileOutput& out) {
    alignas(64) float sums[kTileTokens * kPanelRows];
    constexpr size_t kTokens = Isa::kIntTokens;
    for (size_t row = 0; row < kPanelRows; row += 2 * Isa::kLanes)
      for (size_t token = 0; token < kTileTokens; token += kTokens)
        multiply_part(panels, blocks, tile, row, token, sums);
    put_tile(sums, out);
  }

  static void multiply_part(const std::byte* panels, size_t blocks, const std::byte* tile, size_t first_row,
                            size_t first_token, float* sums) {
    constexpr size_t kTokens = Isa::kIntTokens;
    const auto* x = reinterpret_cast<const TileBlock*>(tile);
    const Panel* panel[2];
    size_t row[2];
    for (size_t v = 0; v < 2; ++v) {
      const size_t at = first_row + v * Isa::kLanes;
      panel[v] = reinterpret_cast<const Panel*>(panels) + at / kGroupRows * blocks;
      row[v] = at % kGroupRows;
    }
    Float sum[2][kTokens];
    for (auto& vector : sum)
      for (Float& value : vector) value = Isa::zero();
    for (size_t block = 0; block < blocks; ++block, ++x) {
#pragma GCC unroll 2
      for (size_t part = 0; part < kGroups; ++part) {
        const auto& group0 = panel[0][block].groups[part];
        const auto& group1 = panel[1][block].groups[part];
        Int products[2][kTokens];
#pragma GCC unroll 8
        for (size_t first = 0; first < kSteps; first += Dot::kRun) {
          Int run[2][kTokens];
          if constexpr (Dot::kTileBias)
#pragma GCC unroll 16
            for (size_t t = 0; t < kTokens; ++t) {
              run[0][t] = Isa::load(group0.bias + row[0]);
              run[1][t] = Isa::load(group1.bias + row[1]);
            }
#pragma GCC unroll 8
          for (size_t step = first; step < first + Dot::kRun; ++step) {
            const size_t vector = part * kSteps + step;
            const Int codes0 = Isa::load(&panel[0][block].codes[vector][row[0] * 4]);
            const Int codes1 = Isa::load(&panel[1][block].codes[vector][row[1] * 4]);
            const bool begin = step == first && !Dot::kTileBias;
#pragma GCC unroll 16
            for (size_t t = 0; t < kTokens; ++t) {
              const Int values = Isa::broadcast_word(x->values[vector][first_token + t]);
              run[0][t] = Dot::multiply_tile(codes0, values, begin ? nullptr : &run[0][t]);
              run[1][t] = Dot::multiply_tile(codes1, values, begin ? nullptr : &run[1][t]);
            }
          }
#pragma GCC unroll 16
          for (size_t t = 0; t < kTokens; ++t)
            for (size_t v = 0; v < 2; ++v)
              products[v][t] =
                  first == 0 ? Dot::finish(run[v][t]) : Isa::add_ints(products[v][t], Dot::finish(run[v][t]));
        }
        const Float scale0 = Isa::load_floats(group0.scale + row[0]), scale1 = Isa::load_floats(group1.scale + row[1]);
#pragma GCC unroll 16
        for (size_t t = 0; t < kTokens; ++t) {
          const Float scale = Isa::broadcast(x->scales[first_token + t]);
          sum[0][t] = Isa::multiply_add(Isa::to_float(products[0][t]), Isa::multiply(scale0, scale), sum[0][t]);
          sum[1][t] = Isa::multiply_add(Isa::to_float(products[1][t]), Isa::multiply(scale1, scale), sum[1][t]);
        }
        if constexpr (kTileMin) {
          const Float min0 = Isa::load_floats(group0.min + row[0]), min1 = Isa::load_floats(group1.min + row[1]);
          const float* weighted = x->weighted_sums[block_sum(part)] + first_token;
#pragma GCC unroll 16
          for (size_t t = 0; t < kTokens; ++t) {
            const Float total = Isa::broadcast(weighted[t]);
            sum[0][t] = Isa::subtract_product(min0, total, sum[0][t]);
            sum[1][t] = Isa::subtract_product(min1, total, sum[1][t]);
          }
        }
      }
    }
    for (size_t v = 0; v < 2; ++v)
      for (size_t t = 0; t < kTokens; ++t)
        Isa::store(sums + (first_token + t) * kPanelRows + first_row + v * Isa::kLanes, sum[v][t]);
  }

  static constexpr ProductKernel entry() {
    return {Dot::kTokenName,
            Dot::kTileName,
            ActivationForm::int8_token,
            ActivationForm::int8_tile,
            tokens_kernels<QuantKernels>(),
            sizeof(Panel),
            unpack_panel,
            multiply_tile};
  }
};

template <class Isa, size_t... kIndex>
constexpr std::array<ProductKernel, kFormatCount> quant_entries(std::index_sequence<kIndex...>) {
  return {QuantKernels<Isa, static_cast<FormatId>(kIndex)>::entry()...};
}

template <class Isa>
constexpr std::array<ProductKernel, kFormatCount> quant_entries() {
  return quant_entries<Isa>(std::make_index_sequence<kFormatCount>());
}

}  // namespace
}  // namespace tierscope
