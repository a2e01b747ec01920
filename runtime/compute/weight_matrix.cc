#include <cassert>

#include "runtime/base/error.h"
#include "runtime/compute/float_groups.h"
#include "runtime/compute/matmul.h"
#include "runtime/compute/pack.h"

namespace tierscope {
namespace {

size_t packed_group_bytes(DType type, size_t cols) {
  if (is_float_type(type)) return float_group_bytes(type, cols);
  const QuantType* quantised = quant_type(type);
  const DTypeInfo* info = dtype_info(type);
  if (quantised == nullptr || info == nullptr)
    throw Error("tensors of type " + std::to_string(static_cast<uint32_t>(type)) + " cannot be computed with", "",
                "convert the model to one of the types that 'tierscope help types' names");
  if (cols % info->block_values != 0)
    throw Error(
        "rows of " + std::to_string(cols) + " values are no whole number of " + std::string(info->name) + " blocks", "",
        "use a type with smaller blocks for this tensor");
  return packed_format(quantised->format).group_bytes(cols / kBlockValues);
}

}  // namespace

WeightMatrix::WeightMatrix(DType type, size_t rows, size_t cols)
    : type_(type),
      rows_(rows),
      cols_(cols),
      group_bytes_(packed_group_bytes(type, cols)),
      packed_(groups() * group_bytes_) {}

void WeightMatrix::set_rows(size_t first_row, size_t count, const std::byte* blocks) {
  static_assert(kRowGroup == kGroupRows);
  assert(first_row % kRowGroup == 0 && first_row + count <= rows_);
  const QuantType* quantised = quant_type(type_);
  const uint64_t bytes = row_bytes(known_dtype(type_), cols_);
  for (size_t row = 0; row < count; row += kRowGroup) {
    std::byte* group = packed_.data() + (first_row + row) / kRowGroup * group_bytes_;
    const size_t rows = std::min(kRowGroup, count - row);
    if (quantised != nullptr)
      pack_group(*quantised, blocks + row * bytes, bytes, rows, cols_, group);
    else
      pack_float_group(type_, blocks + row * bytes, rows, cols_, group);
  }
}

void WeightMatrix::row(size_t index, float* out) const {
  const std::byte* at = group(index / kRowGroup);
  if (const QuantType* quantised = quant_type(type_))
    unpack_row(packed_format(quantised->format), at, index % kRowGroup, cols_, out);
  else
    unpack_float_row(type_, at, index % kRowGroup, cols_, out);
}

}  // namespace tierscope
