// Row groups of float weights: per column 16 values; BF16 in pairs of columns, [pair][16 rows][2], the last pair of an
// odd number of columns padded with zero. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "runtime/compute/packed_format.h"

namespace tierscope {

constexpr bool is_float_type(DType type) {
  return type == DType::f32 || type == DType::f16 || type == DType::bf16;
}
constexpr size_t float_bytes(DType type) {
  return type == DType::f32 ? 4 : 2;
}
constexpr size_t float_group_bytes(DType type, size_t cols) {
  const size_t stored = type == DType::bf16 ? (cols + 1) / 2 * 2 : cols;
  return stored * kGroupRows * float_bytes(type);
}
// Byte offset of a value in its group.
constexpr size_t float_offset(DType type, size_t row, size_t col) {
  if (type == DType::bf16) return ((col / 2 * kGroupRows + row) * 2 + col % 2) * 2;
  return (col * kGroupRows + row) * float_bytes(type);
}

// Packs `count` <= 16 rows of `cols` values; missing rows become zeros.
void pack_float_group(DType type, const std::byte* rows, size_t count, size_t cols, std::byte* group);
void unpack_float_row(DType type, const std::byte* group, size_t row, size_t cols, float* out);

}  // namespace tierscope
