#include "runtime/model/weights.h"

#include <algorithm>
#include <utility>

#include "runtime/model/sequential_reader.h"
#include "runtime/model/weight_list.h"

namespace tierscope {
namespace {

// Pieces of whole groups of rows, at most about as large as one read.
constexpr uint64_t kPieceBytes = 1 << 20;

void add(const GgufTensor& tensor, WeightMatrix& matrix, std::vector<ReadExtent>& extents) {
  const size_t rows = tensor.shape[1];
  const uint64_t bytes_per_row = tensor.bytes / rows;
  const size_t groups = std::max<size_t>(1, kPieceBytes / (bytes_per_row * WeightMatrix::kRowGroup));
  const size_t step = groups * WeightMatrix::kRowGroup;
  matrix = WeightMatrix(tensor.type, rows, tensor.shape[0]);
  for (size_t first = 0; first < rows; first += step) {
    const size_t count = std::min(step, rows - first);
    extents.push_back({tensor.file, tensor.offset + first * bytes_per_row, count * bytes_per_row,
                       [&matrix, first, count](const std::byte* data) { matrix.set_rows(first, count, data); }});
  }
}

void add(const GgufTensor& tensor, std::vector<float>& vector, std::vector<ReadExtent>& extents) {
  vector.resize(tensor.values());
  extents.push_back({tensor.file, tensor.offset, tensor.bytes, [&vector, type = tensor.type](const std::byte* data) {
                       known_dtype(type).dequantize(data, vector.data(), vector.size());
                     }});
}

}  // namespace

DecoderWeights load_weights(const GgufFile& file, const Hyperparameters& model, unsigned threads) {
  DecoderWeights weights;
  std::vector<ReadExtent> extents;
  list_weights(file, model, weights, [&](const GgufTensor& tensor, auto& into) { add(tensor, into, extents); });
  read_sequentially(file.paths(), std::move(extents), threads);
  return weights;
}

uint64_t weight_bytes(const GgufFile& file, const Hyperparameters& model) {
  DecoderWeights unused;
  uint64_t bytes = 0;
  list_weights(file, model, unused, [&](const GgufTensor& tensor, auto&) { bytes += tensor.bytes; });
  return bytes;
}

}  // namespace tierscope
