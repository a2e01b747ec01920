#include "runtime/compute/matmul.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <numeric>

namespace tierscope {

WeightMatrix::WeightMatrix(DType type, size_t rows, size_t cols)
    : type_(type), rows_(rows), cols_(cols), packed_(rows * row_bytes(known_dtype(type), cols)) {}

void WeightMatrix::set_rows(size_t first_row, size_t count, const std::byte* blocks) {
  assert(first_row % kRowGroup == 0 && first_row + count <= rows_);
  const uint64_t bytes = row_bytes(known_dtype(type_), cols_);
  std::memcpy(packed_.data() + first_row * bytes, blocks, count * bytes);
}

void WeightMatrix::row(size_t index, float* out) const {
  const DTypeInfo& info = known_dtype(type_);
  info.dequantize(packed_.data() + index * row_bytes(info, cols_), out, cols_);
}

void matmul(std::span<const MatmulOutput> outputs, const float* x, size_t tokens, ThreadPool& pool) {
  for (const MatmulOutput& output : outputs) {
    const WeightMatrix& weights = *output.weights;
    pool.split(weights.rows(), WeightMatrix::kRowGroup, [&](size_t first, size_t last, unsigned worker) {
      const size_t cols = weights.cols();
      auto* values = reinterpret_cast<float*>(pool.scratch(worker, cols * sizeof(float)));
      for (size_t row = first; row < last; ++row) {
        weights.row(row, values);
        for (size_t token = 0; token < tokens; ++token)
          output.y[token * weights.rows() + row] =
              static_cast<float>(std::inner_product(values, values + cols, x + token * cols, 0.0));
      }
    });
  }
}

void matmul(const WeightMatrix& weights, const float* x, size_t tokens, float* y, ThreadPool& pool) {
  const MatmulOutput output{&weights, y};
  matmul(std::span(&output, 1), x, tokens, pool);
}

}  // namespace tierscope
