#include "runtime/model/activations.h"

#include <algorithm>
#include <new>

namespace tierscope {
namespace {

Activations::Floats floats(size_t width, uint32_t batch_tokens) {
  auto memory = hwy::AllocateAligned<float>(std::max<size_t>(1, width * batch_tokens));
  if (!memory) throw std::bad_alloc();
  return memory;
}

}  // namespace

Activations::Widths::Widths(const Hyperparameters& model)
    : hidden(model.hidden), ple(size_t{model.layers} * model.ple_dim) {
  for (const LayerShape& layer : model.layer) {
    query = std::max(query, size_t{layer.heads} * layer.head_dim);
    kv = std::max(kv, size_t{layer.kv_heads} * layer.head_dim);
    ffn = std::max<size_t>({ffn, layer.ffn_width, model.ple_dim});
    size_t& half = layer.sliding ? half_sliding : half_full;
    half = std::max<size_t>(half, layer.head_dim / 2);
  }
}

size_t Activations::Widths::total() const {
  return 3 * hidden + 2 * (query + kv + ffn + half_full + half_sliding) + ple;
}

Activations::Activations(const Hyperparameters& model, uint32_t batch_tokens)
    : widths(model),
      x(floats(widths.hidden, batch_tokens)),
      normed(floats(widths.hidden, batch_tokens)),
      delta(floats(widths.hidden, batch_tokens)),
      queries(floats(widths.query, batch_tokens)),
      attended(floats(widths.query, batch_tokens)),
      keys(floats(widths.kv, batch_tokens)),
      values(floats(widths.kv, batch_tokens)),
      gate(floats(widths.ffn, batch_tokens)),
      up(floats(widths.ffn, batch_tokens)),
      ple(floats(widths.ple, batch_tokens)),
      cosines_full(floats(widths.half_full, batch_tokens)),
      sines_full(floats(widths.half_full, batch_tokens)),
      cosines_sliding(floats(widths.half_sliding, batch_tokens)),
      sines_sliding(floats(widths.half_sliding, batch_tokens)) {}

uint64_t Activations::bytes(const Hyperparameters& model, uint32_t batch_tokens) {
  return uint64_t{Widths(model).total()} * batch_tokens * sizeof(float);
}

}  // namespace tierscope
