// Matrix products with the weights of a GGUF file: y = W x for one token (decode, bound by memory) up to a prefill
// chunk (bound by compute). Weights stay quantised in memory; the layout is ours. Same input and kernel level: same
// bits, for any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "runtime/compute/aligned_buffer.h"
#include "runtime/compute/thread_pool.h"
#include "runtime/gguf/dtype.h"

namespace tierscope {

// A 2-D tensor of `rows` outputs x `cols` inputs, repacked for the kernels. Filled in pieces, so that a loader never
// holds a second copy of all weights. Immutable and shareable between threads once filled.
class WeightMatrix {
 public:
  // Rows are handed over in groups of this many, but for the last piece.
  static constexpr size_t kRowGroup = 16;

  WeightMatrix() = default;
  // Error where the type cannot be computed with or `cols` is no multiple of its block.
  WeightMatrix(DType type, size_t rows, size_t cols);

  // Takes `count` rows in the file's layout (row after row, row_bytes(type, cols) each). `first_row` is a multiple of
  // kRowGroup, and `count` too unless the piece ends the matrix. Different pieces may be set from different threads.
  void set_rows(size_t first_row, size_t count, const std::byte* blocks);

  DType type() const { return type_; }
  size_t rows() const { return rows_; }
  size_t cols() const { return cols_; }
  uint64_t bytes() const { return packed_.size(); }
  // The packed row group that holds rows [index * kRowGroup, ...).
  const std::byte* group(size_t index) const { return packed_.data() + index * group_bytes_; }
  size_t groups() const { return (rows_ + kRowGroup - 1) / kRowGroup; }
  // One row as float32, exact: embeddings that share the output head's weights are looked up here.
  void row(size_t index, float* out) const;

 private:
  DType type_ = DType::f32;
  size_t rows_ = 0, cols_ = 0;
  size_t group_bytes_ = 0;
  AlignedBuffer packed_;
};

// y[token][row] = sum over c of W[row][c] * x[token][c]; x is [tokens][cols], y is [tokens][rows], both dense float32.
// Quantised weights meet activations rounded to int8 with a scale every 32 values; BF16 weights may meet activations
// rounded to BF16; F32 and F16 weights meet them as they are. At the AMX level several tokens meet BF16 and quantised
// weights as BF16, both rounded.
void matmul(const WeightMatrix& weights, const float* x, size_t tokens, float* y, ThreadPool& pool);

// Several matrices with the same `cols` on the same x (gate and up; q, k and v), which is then converted once.
struct MatmulOutput {
  const WeightMatrix* weights;
  float* y;
};
void matmul(std::span<const MatmulOutput> outputs, const float* x, size_t tokens, ThreadPool& pool);

}  // namespace tierscope
