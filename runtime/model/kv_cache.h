// Keys and values of every layer that owns a cache, for a fixed number of sequences. A sliding layer is a ring of its
// window plus one batch; a full layer holds the whole context. Memory is reserved at once, and becomes resident as
// positions are first written.
// Different (layer, sequence, position) may be stored from different threads; reading needs the stores finished.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/model/hyperparameters.h"

namespace tierscope {

enum class KvType { f32, f16 };

// Positions are kept in blocks of this many: keys as [dim][kKvBlock], values as [dim / kKvStripe][kKvBlock][kKvStripe],
// so that both products of the attention read memory in order, a whole vector at a time.
inline constexpr uint32_t kKvBlock = 64;
inline constexpr uint32_t kKvStripe = 16;

// The cache of one sequence and key-value head in one layer.
struct KvHead {
  KvType type = KvType::f32;
  const std::byte* keys = nullptr;
  const std::byte* values = nullptr;
  uint32_t head_dim = 0;  // a multiple of kKvStripe
  uint32_t capacity = 0;  // positions, a multiple of kKvBlock; position p lies at p % capacity

  size_t element_bytes() const { return type == KvType::f32 ? 4 : 2; }
};

class KvCache {
 public:
  struct Size {
    uint32_t context_tokens = 0, sequences = 0, max_batch_tokens = 0;
  };
  KvCache(const Hyperparameters& model, KvType type, const Size& size);

  // Bytes that the cache of `model` takes when every position is filled.
  static uint64_t bytes(const Hyperparameters& model, KvType type, const Size& size);

  // `layer` may be one that shares another's cache.
  KvHead head(uint32_t layer, uint32_t sequence, uint32_t kv_head) const;
  // Normed and rotated keys, normed values: [kv_heads][head_dim] floats each. `layer` owns its cache.
  void store(uint32_t layer, uint32_t sequence, uint32_t position, const float* keys, const float* values);

 private:
  struct Layer {
    uint32_t kv_heads = 0, head_dim = 0, capacity = 0;
    size_t head_bytes = 0;  // keys or values of one head
    std::unique_ptr<std::byte, void (*)(void*)> data{nullptr, nullptr};
  };
  std::byte* keys(const Layer& layer, uint32_t sequence, uint32_t kv_head) const;

  KvType type_;
  std::vector<uint32_t> owner_;  // per layer: the layer whose cache it reads
  std::vector<Layer> layers_;    // empty where a layer shares
};

}  // namespace tierscope
