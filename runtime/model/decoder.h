// The Gemma 4 text decoder: prefill and decode over loaded weights, with the per-layer embeddings (PLE) handed in row
// by row. Forward pass: docs/gemma4.md. Same input, threads and kernel level: same bits, run after run.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <vector>

#include "runtime/gguf/gguf.h"
#include "runtime/model/hyperparameters.h"
#include "runtime/placement/step_rows.h"
#include "traces/token_trace.h"

namespace tierscope {

// One position of a forward pass. Positions of a sequence come in order, without gaps, over all passes.
struct BatchToken {
  TokenId token = 0;
  uint32_t sequence = 0;  // below DecoderOptions::sequences
  uint32_t position = 0;
  bool wants_logits = false;
};

struct DecoderOptions {
  unsigned threads = 2;
  uint32_t context_tokens = 4096;  // KV positions a sequence may hold
  uint32_t sequences = 1;
  uint32_t max_batch_tokens = 512;
};

// Where the time of forward passes went, in seconds. Norms and residuals count with what they precede or end.
struct PartSeconds {
  double embedding = 0;  // token rows
  double ple = 0;        // projections, gates and norms of the per-layer embedding
  double qkv = 0;        // with norms, rotation and storing keys and values
  double attention = 0;  // scores, softmax, values
  double attn_output = 0;
  double ffn = 0;
  double head = 0;   // output norm, logits, soft-cap
  double await = 0;  // blocked in StepRows::await: the stall
};
nlohmann::ordered_json to_json(const PartSeconds& parts);

class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual const Hyperparameters& hyperparameters() const = 0;
  // One forward pass over `tokens` (ordered by sequence, then position). `ple.await()` is called once, just before the
  // first use of its rows (after block 0's feed-forward), unless the model has no PLE; ple.row(i) belongs to tokens[i].
  // `logits` receives [tokens that want them][vocab], in order. Tokens that want none are computed only as far as later
  // tokens can see them: up to the keys and values of the last layer that has its own.
  // Error where a token is outside the vocabulary or a context is full.
  virtual void forward(std::span<const BatchToken> tokens, StepRows& ple, float* logits) = 0;
  // Forgets the sequence; its positions start from 0 again.
  virtual void reset(uint32_t sequence) = 0;
  virtual uint64_t weight_bytes() const = 0;
  virtual uint64_t kv_bytes() const = 0;
  // Summed over all passes since construction.
  virtual const PartSeconds& part_seconds() const = 0;
  // Called after each block of a pass where set: (block, seconds since the pass began). For spans and probes.
  std::function<void(uint32_t block, double seconds)> on_block;
};

// Loads all weights but the PLE table into memory with large sequential reads.
// Errors: Error for missing keys, wrong shapes, unsupported types (named with their tensor).
std::unique_ptr<Decoder> make_cpu_decoder(const GgufFile& file, const DecoderOptions& options);

// Bytes that make_cpu_decoder would hold, without loading: weights, KV, scratch.
struct DecoderMemory {
  uint64_t weight_bytes = 0, kv_bytes = 0, scratch_bytes = 0;
};
DecoderMemory cpu_decoder_memory(const GgufFile& file, const DecoderOptions& options);

}  // namespace tierscope
