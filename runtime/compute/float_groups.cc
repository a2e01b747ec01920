#include "runtime/compute/float_groups.h"

#include "runtime/compute/transpose_words.h"

namespace tierscope {
namespace {

float value_at(DType type, const std::byte* bytes) {
  if (type == DType::f32) {
    float value = 0;
    std::memcpy(&value, bytes, sizeof value);
    return value;
  }
  uint16_t half = 0;
  std::memcpy(&half, bytes, sizeof half);
  return type == DType::f16 ? f16_to_f32(half) : bf16_to_f32(half);
}

template <size_t kBytes, class Offset>
void scatter_rows(const std::byte* rows, size_t count, size_t cols, std::byte* group, Offset offset) {
  // Short runs of columns, so that a run's 16 rows and its part of the group stay in the L1 cache.
  constexpr size_t kRun = 64;
  for (size_t first = 0; first < cols; first += kRun)
    for (size_t row = 0; row < count; ++row)
      for (size_t col = first; col < cols && col < first + kRun; ++col)
        std::memcpy(group + offset(row, col), rows + (row * cols + col) * kBytes, kBytes);
}

}  // namespace

void pack_float_group(DType type, const std::byte* rows, size_t count, size_t cols, std::byte* group) {
  // F32 values and pairs of BF16 ones are words; what the two have left over goes the plain way.
  if (count == kGroupRows && (type == DType::f32 || (type == DType::bf16 && cols % 2 == 0)))
    return transpose_words(rows, cols * float_bytes(type), cols * float_bytes(type) / 4, group);
  std::memset(group, 0, float_group_bytes(type, cols));
  if (type == DType::f32)
    scatter_rows<4>(rows, count, cols, group, [](size_t r, size_t c) { return float_offset(DType::f32, r, c); });
  else if (type == DType::f16)
    scatter_rows<2>(rows, count, cols, group, [](size_t r, size_t c) { return float_offset(DType::f16, r, c); });
  else
    scatter_rows<2>(rows, count, cols, group, [](size_t r, size_t c) { return float_offset(DType::bf16, r, c); });
}

void unpack_float_row(DType type, const std::byte* group, size_t row, size_t cols, float* out) {
  for (size_t col = 0; col < cols; ++col) out[col] = value_at(type, group + float_offset(type, row, col));
}

}  // namespace tierscope
