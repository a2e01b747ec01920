#include "runtime/model/kv_cache.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "runtime/gguf/dtype.h"

namespace tierscope {
namespace {

uint32_t round_up_to_block(uint64_t positions) {
  return static_cast<uint32_t>((positions + kKvBlock - 1) / kKvBlock * kKvBlock);
}

uint32_t layer_capacity(const Hyperparameters& model, const LayerShape& layer, const KvCache::Size& size) {
  const uint64_t ring = uint64_t{model.sliding_window} + size.max_batch_tokens;
  return round_up_to_block(layer.sliding ? std::min<uint64_t>(ring, size.context_tokens) : size.context_tokens);
}

size_t element_bytes(KvType type) {
  return type == KvType::f32 ? sizeof(float) : sizeof(uint16_t);
}

size_t head_bytes(const Hyperparameters& model, const LayerShape& layer, KvType type, const KvCache::Size& size) {
  return size_t{layer_capacity(model, layer, size)} * layer.head_dim * element_bytes(type);
}

template <typename T>
T converted(float value) {
  if constexpr (sizeof(T) == sizeof(float))
    return value;
  else
    return f32_to_f16(value);
}

template <typename T>
void store_head(std::byte* keys, std::byte* values, uint32_t head_dim, uint32_t slot, const float* key,
                const float* value) {
  const size_t block = size_t{slot / kKvBlock} * kKvBlock * head_dim;
  const uint32_t lane = slot % kKvBlock;
  T* key_out = reinterpret_cast<T*>(keys) + block + lane;
  T* value_out = reinterpret_cast<T*>(values) + block + size_t{lane} * kKvStripe;
  for (uint32_t d = 0; d < head_dim; ++d) key_out[size_t{d} * kKvBlock] = converted<T>(key[d]);
  for (uint32_t d = 0; d < head_dim; d += kKvStripe)
    for (uint32_t i = 0; i < kKvStripe; ++i) value_out[size_t{d} * kKvBlock + i] = converted<T>(value[d + i]);
}

}  // namespace

KvCache::KvCache(const Hyperparameters& model, KvType type, const Size& size) : type_(type) {
  constexpr size_t kAlignment = 64;
  for (uint32_t l = 0; l < model.layers; ++l) {
    const LayerShape& shape = model.layer[l];
    owner_.push_back(shape.kv_from);
    Layer& layer = layers_.emplace_back();
    if (!shape.own_kv) continue;
    layer.kv_heads = shape.kv_heads;
    layer.head_dim = shape.head_dim;
    layer.capacity = layer_capacity(model, shape, size);
    layer.head_bytes = head_bytes(model, shape, type, size);
    const size_t total = 2 * layer.head_bytes * layer.kv_heads * size.sequences;
    layer.data = {static_cast<std::byte*>(std::aligned_alloc(kAlignment, total)), std::free};
    if (!layer.data) throw std::bad_alloc();
  }
}

uint64_t KvCache::bytes(const Hyperparameters& model, KvType type, const Size& size) {
  uint64_t total = 0;
  for (const LayerShape& layer : model.layer)
    if (layer.own_kv) total += uint64_t{2} * head_bytes(model, layer, type, size) * layer.kv_heads * size.sequences;
  return total;
}

std::byte* KvCache::keys(const Layer& layer, uint32_t sequence, uint32_t kv_head) const {
  return layer.data.get() + (size_t{sequence} * layer.kv_heads + kv_head) * 2 * layer.head_bytes;
}

KvHead KvCache::head(uint32_t layer, uint32_t sequence, uint32_t kv_head) const {
  const Layer& owner = layers_[owner_[layer]];
  const std::byte* data = keys(owner, sequence, kv_head);
  return {type_, data, data + owner.head_bytes, owner.head_dim, owner.capacity};
}

void KvCache::store(uint32_t layer, uint32_t sequence, uint32_t position, const float* key, const float* value) {
  const Layer& own = layers_[layer];
  for (uint32_t h = 0; h < own.kv_heads; ++h) {
    std::byte* data = keys(own, sequence, h);
    const auto store = type_ == KvType::f32 ? store_head<float> : store_head<uint16_t>;
    store(data, data + own.head_bytes, own.head_dim, position % own.capacity, key + size_t{h} * own.head_dim,
          value + size_t{h} * own.head_dim);
  }
}

}  // namespace tierscope
