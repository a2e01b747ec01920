#include "runtime/model/attention.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/model/attention.cc"
#include "runtime/model/simd_targets.h"

#include <hwy/foreach_target.h>

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace tierscope {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// Rows of a tile: with two vectors of columns each they fill the registers that hold the sums.
constexpr size_t kTileRows = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON ? 8 : 4;

HWY_INLINE V load_float(D d, const float* from) {
  return hn::LoadU(d, from);
}
HWY_INLINE V load_float(D d, const hwy::float16_t* from) {
  const hn::Rebind<hwy::float16_t, D> half;
  return hn::PromoteTo(d, hn::LoadU(half, from));
}

// scores[row][key] of kRows rows against a block of keys; `queries` is [dim][kRows].
template <size_t kRows, typename T>
HWY_INLINE void score_tile(const float* HWY_RESTRICT queries, const T* HWY_RESTRICT keys, size_t head_dim,
                           float* HWY_RESTRICT scores) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  for (size_t key = 0; key < kKvBlock; key += 2 * lanes) {
    V sums[kRows][2];
#pragma GCC unroll 8
    for (size_t row = 0; row < kRows; ++row) sums[row][0] = sums[row][1] = hn::Zero(d);
    const T* column = keys + key;
    for (size_t dim = 0; dim < head_dim; ++dim) {
      const V low = load_float(d, column), high = load_float(d, column + lanes);
#pragma GCC unroll 8
      for (size_t row = 0; row < kRows; ++row) {
        const V query = hn::Set(d, queries[dim * kRows + row]);
        sums[row][0] = hn::MulAdd(query, low, sums[row][0]);
        sums[row][1] = hn::MulAdd(query, high, sums[row][1]);
      }
      column += kKvBlock;
    }
#pragma GCC unroll 8
    for (size_t row = 0; row < kRows; ++row) {
      hn::StoreU(sums[row][0], d, scores + row * kKvBlock + key);
      hn::StoreU(sums[row][1], d, scores + row * kKvBlock + key + lanes);
    }
  }
}

// out[row][dim] += weights[row][key] * values[key][dim] over the keys [first, end) of a block.
template <size_t kRows, typename T>
HWY_INLINE void add_values(const float* HWY_RESTRICT weights, const T* HWY_RESTRICT values, size_t first, size_t end,
                           size_t head_dim, float* HWY_RESTRICT out) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  // Two vectors of columns at a time, from one stripe or from two neighbours; an odd stripe at the end goes alone.
  const auto columns = [&](size_t dim, size_t second_dim, auto two) HWY_ATTR {
    constexpr bool kTwo = decltype(two)::value;
    V sums[kRows][2];
#pragma GCC unroll 8
    for (size_t row = 0; row < kRows; ++row) {
      sums[row][0] = hn::LoadU(d, out + row * head_dim + dim);
      if (kTwo) sums[row][1] = hn::LoadU(d, out + row * head_dim + second_dim);
    }
    const auto start = [&](size_t at) {
      return values + at / kKvStripe * kKvStripe * kKvBlock + first * kKvStripe + at % kKvStripe;
    };
    const T* low = start(dim);
    const T* high = start(second_dim);
    for (size_t key = first; key < end; ++key) {
      const V a = load_float(d, low), b = kTwo ? load_float(d, high) : a;
#pragma GCC unroll 8
      for (size_t row = 0; row < kRows; ++row) {
        const V weight = hn::Set(d, weights[row * kKvBlock + key]);
        sums[row][0] = hn::MulAdd(weight, a, sums[row][0]);
        if (kTwo) sums[row][1] = hn::MulAdd(weight, b, sums[row][1]);
      }
      low += kKvStripe;
      high += kKvStripe;
    }
#pragma GCC unroll 8
    for (size_t row = 0; row < kRows; ++row) {
      hn::StoreU(sums[row][0], d, out + row * head_dim + dim);
      if (kTwo) hn::StoreU(sums[row][1], d, out + row * head_dim + second_dim);
    }
  };
  size_t dim = 0;
  for (; dim + 2 * lanes <= head_dim; dim += 2 * lanes) columns(dim, dim + lanes, std::true_type());
  if (dim < head_dim) columns(dim, dim, std::false_type());
}

// Turns the scores of keys [first, end) into weights relative to the row's maximum so far, all others into 0, and
// brings the row's sums to the new maximum.
HWY_INLINE void soften(size_t first, size_t end, size_t head_dim, float* HWY_RESTRICT scores, SoftmaxTotals& running,
                       float* HWY_RESTRICT out) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  constexpr float kUnseen = -std::numeric_limits<float>::infinity();
  std::fill(scores, scores + std::min<size_t>(first, kKvBlock), kUnseen);
  std::fill(scores + std::max(first, end), scores + kKvBlock, kUnseen);
  if (first >= end) {
    std::fill(scores, scores + kKvBlock, 0.0f);
    return;
  }
  V top = hn::LoadU(d, scores);
  for (size_t key = lanes; key < kKvBlock; key += lanes) top = hn::Max(top, hn::LoadU(d, scores + key));
  const float maximum = std::max(running.maximum, hn::GetLane(hn::MaxOfLanes(d, top)));
  if (maximum > running.maximum) {
    const float factor = std::exp(running.maximum - maximum);
    const V factors = hn::Set(d, factor);
    running.sum *= factor;
    running.maximum = maximum;
    for (size_t dim = 0; dim < head_dim; dim += lanes)
      hn::StoreU(hn::Mul(hn::LoadU(d, out + dim), factors), d, out + dim);
  }
  const V maxima = hn::Set(d, maximum);
  V sum = hn::Zero(d);
  for (size_t key = 0; key < kKvBlock; key += lanes) {
    const V weight = hn::Exp(d, hn::Sub(hn::LoadU(d, scores + key), maxima));
    sum = hn::Add(sum, weight);
    hn::StoreU(weight, d, scores + key);
  }
  running.sum += hn::GetLane(hn::SumOfLanes(d, sum));
}

// Memory of all rows of a block; a tile's part begins at its first row.
struct Workspace {
  float* queries;  // [rows / tile][head_dim][tile]
  float* sums;     // [rows][head_dim]
  float* scores;   // [kTileRows][kKvBlock]
  SoftmaxTotals running[kMaxAttentionRows];
  KeyRange visible[kMaxAttentionRows];
};

// Where a row's head begins in the queries and in the output; row = token * heads + head.
size_t place(const AttentionBlock& block, size_t row) {
  return row / block.heads * block.token_stride + row % block.heads * block.kv.head_dim;
}

template <size_t kRows>
void begin_tile(const AttentionBlock& block, size_t row0, Workspace& work) {
  const size_t head_dim = block.kv.head_dim;
  float* HWY_RESTRICT queries = work.queries + row0 * head_dim;
  for (size_t row = 0; row < kRows; ++row) {
    const KeyRange seen = visible_keys(block.positions[(row0 + row) / block.heads], block.window);
    work.visible[row0 + row] = {std::max(seen.first, block.keys.first), std::min(seen.end, block.keys.end)};
    const float* query = block.queries + place(block, row0 + row);
    for (size_t dim = 0; dim < head_dim; ++dim) queries[dim * kRows + row] = query[dim];
  }
  float* sums = work.sums + row0 * head_dim;
  std::fill(sums, sums + kRows * head_dim, 0.0f);
}

// Takes the keys at [base, base + kKvBlock) into account.
template <size_t kRows, typename T>
void advance_tile(const AttentionBlock& block, size_t row0, uint32_t base, Workspace& work) {
  const size_t head_dim = block.kv.head_dim;
  // Positions ascend with the rows, so the first row sees the first key and the last row the last.
  const uint32_t first = work.visible[row0].first, end = work.visible[row0 + kRows - 1].end;
  if (base + kKvBlock <= first || base >= end) return;
  const size_t offset = size_t{base % block.kv.capacity} * head_dim;
  score_tile<kRows>(work.queries + row0 * head_dim, reinterpret_cast<const T*>(block.kv.keys) + offset, head_dim,
                    work.scores);
  const auto within = [&](uint32_t position) {
    return static_cast<size_t>(std::clamp(position, base, base + kKvBlock) - base);
  };
  float* sums = work.sums + row0 * head_dim;
  for (size_t row = 0; row < kRows; ++row) {
    const KeyRange& visible = work.visible[row0 + row];
    soften(within(visible.first), within(visible.end), head_dim, work.scores + row * kKvBlock, work.running[row0 + row],
           sums + row * head_dim);
  }
  add_values<kRows>(work.scores, reinterpret_cast<const T*>(block.kv.values) + offset, within(first), within(end),
                    head_dim, sums);
}

void finish_row(const AttentionBlock& block, size_t row, const Workspace& work) {
  const D d;
  const size_t head_dim = block.kv.head_dim;
  const V inverse = hn::Set(d, 1.0f / work.running[row].sum);
  const float* sums = work.sums + row * head_dim;
  float* out = block.out + place(block, row);
  for (size_t dim = 0; dim < head_dim; dim += hn::Lanes(d))
    hn::StoreU(hn::Mul(hn::LoadU(d, sums + dim), inverse), d, out + dim);
}

// Covers the rows with tiles of three sizes: visit(size as a constant, first row).
template <class Visit>
void for_each_tile(size_t rows, Visit visit) {
  size_t row = 0;
  for (; row + kTileRows <= rows; row += kTileRows) visit(std::integral_constant<size_t, kTileRows>(), row);
  for (; row + 4 <= rows; row += 4) visit(std::integral_constant<size_t, 4>(), row);
  for (; row < rows; ++row) visit(std::integral_constant<size_t, 1>(), row);
}

template <typename T>
void attend_all(const AttentionBlock& block, float* scratch) {
  const size_t rows = block.positions.size() * block.heads, row_floats = rows * block.kv.head_dim;
  Workspace work{scratch, scratch + row_floats, scratch + 2 * row_floats, {}, {}};
  for_each_tile(rows, [&](auto size, size_t row) { begin_tile<size>(block, row, work); });
  const uint32_t first = work.visible[0].first, end = work.visible[rows - 1].end;
  for (uint32_t base = first / kKvBlock * kKvBlock; base < end; base += kKvBlock)
    for_each_tile(rows, [&](auto size, size_t row) { advance_tile<size, T>(block, row, base, work); });
  for (size_t row = 0; row < rows; ++row) finish_row(block, row, work);
  if (block.totals != nullptr) std::copy_n(work.running, rows, block.totals);
}

void Attend(const AttentionBlock& block, float* scratch) {
  if (block.kv.type == KvType::f32)
    attend_all<float>(block, scratch);
  else
    attend_all<hwy::float16_t>(block, scratch);
}

}  // namespace HWY_NAMESPACE
}  // namespace tierscope
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tierscope {
HWY_EXPORT(Attend);

size_t attention_scratch_floats(uint32_t head_dim) {
  constexpr size_t kMostTileRows = 8;
  return 2 * kMaxAttentionRows * size_t{head_dim} + kMostTileRows * kKvBlock;
}

KeyRange visible_keys(uint32_t position, uint32_t window) {
  const uint32_t end = position + 1;
  return {window == 0 || end <= window ? 0 : end - window, end};
}

void join_attention(const float* part, const SoftmaxTotals& part_totals, uint32_t head_dim, float* out,
                    SoftmaxTotals& totals) {
  const float maximum = std::max(totals.maximum, part_totals.maximum);
  const float mine = totals.sum * std::exp(totals.maximum - maximum);
  const float other = part_totals.sum * std::exp(part_totals.maximum - maximum);
  totals = {maximum, mine + other};
  for (uint32_t d = 0; d < head_dim; ++d) out[d] = (out[d] * mine + part[d] * other) / totals.sum;
}

void attend(const AttentionBlock& block, float* scratch) {
  HWY_DYNAMIC_DISPATCH(Attend)(block, scratch);
}

}  // namespace tierscope
#endif
