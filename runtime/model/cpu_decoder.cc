#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <utility>

#include "runtime/base/error.h"
#include "runtime/compute/matmul.h"
#include "runtime/compute/thread_pool.h"
#include "runtime/model/activations.h"
#include "runtime/model/attention.h"
#include "runtime/model/decoder.h"
#include "runtime/model/kv_cache.h"
#include "runtime/model/rope.h"
#include "runtime/model/sequence_lengths.h"
#include "runtime/model/simd_level.h"
#include "runtime/model/vector_ops.h"
#include "runtime/model/weights.h"

namespace tierscope {
namespace {

using Clock = std::chrono::steady_clock;

// Attributes the time since the last mark to a part.
class PartTimer {
 public:
  void mark(double& part) {
    const Clock::time_point now = Clock::now();
    part += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  Clock::time_point start_ = Clock::now(), last_ = start_;
};

// Half precision loses nothing that quantised weights had; a model of float32 weights keeps float32 throughout.
KvType choose_kv_type(const GgufFile& file, const Hyperparameters& model) {
  for (uint32_t l = 0; l < model.layers; ++l)
    if (file.tensor(fmt::format("blk.{}.attn_q.weight", l)).type != DType::f32) return KvType::f16;
  return KvType::f32;
}

KvCache::Size kv_size(const DecoderOptions& options) {
  return {options.context_tokens, options.sequences, options.max_batch_tokens};
}

void check_supported(const GgufFile& file, const Hyperparameters& model) {
  for (const LayerShape& layer : model.layer)
    if (layer.head_dim % kKvStripe != 0)
      throw file.error("key", layer.sliding ? "gemma4.attention.key_length_swa" : "gemma4.attention.key_length",
                       fmt::format("{} is no multiple of {}", layer.head_dim, kKvStripe));
}

// A share of a block's attention: tokens [row, row + rows) with the query heads [head, head + heads) of one key-value
// head, over some keys or all.
struct AttentionTask {
  uint32_t row = 0, rows = 0, kv_head = 0, head = 0, heads = 0;
  uint32_t part = 0;  // of the shares that the same token's keys were cut into, which follow each other
  KeyRange keys;
};

class CpuDecoder final : public Decoder {
 public:
  CpuDecoder(const GgufFile& file, const Hyperparameters& model, const DecoderOptions& options)
      : model_(model),
        options_(options),
        pool_(options.threads),
        weights_(load_weights(file, model, options.threads)),
        weight_bytes_(tierscope::weight_bytes(file, model)),
        kv_type_(choose_kv_type(file, model)),
        cache_(model, kv_type_, kv_size(options)),
        memory_(model, options.max_batch_tokens),
        rope_full_(2 * static_cast<uint32_t>(memory_.widths.half_full), model.rope_base, weights_.rope_freqs),
        rope_sliding_(2 * static_cast<uint32_t>(memory_.widths.half_sliding), model.rope_base_sliding, {}),
        lengths_(options.sequences) {
    if (model.ple_dim != 0) ple_dtype_ = &known_dtype(find_ple_table(file)->type);
    for (uint32_t l = 0; l < model.layers; ++l)
      if (model.layer[l].own_kv) last_own_kv_ = l;
  }

  const Hyperparameters& hyperparameters() const override { return model_; }
  uint64_t weight_bytes() const override { return weight_bytes_; }
  uint64_t kv_bytes() const override { return KvCache::bytes(model_, kv_type_, kv_size(options_)); }
  const PartSeconds& part_seconds() const override { return parts_; }
  void reset(uint32_t sequence) override { lengths_.at(sequence) = 0; }

  void forward(std::span<const BatchToken> tokens, StepRows& ple, float* logits) override {
    const std::vector<uint32_t> lengths = lengths_after(tokens, lengths_, model_, options_);
    timer_ = {};
    begin(tokens);
    bool rows_known = model_.ple_dim == 0;
    for (uint32_t l = 0; l < model_.layers && !rows_.empty(); ++l) {
      attention_layer(l);
      if (rows_.empty()) break;
      ffn_layer(l);
      if (!std::exchange(rows_known, true)) take_ple_rows(ple);
      ple_layer(l);
      if (on_block) on_block(l, timer_.seconds());
    }
    if (!rows_known) ple.await();
    timer_.mark(parts_.await);
    head(logits);
    lengths_ = lengths;
  }

 private:
  // A token still computed: its place in the batch, and what its attention needs.
  struct Row {
    uint32_t token = 0, sequence = 0;
  };

  // work(row) for every row still computed.
  template <class Work>
  void for_rows(Work&& work) {
    pool_.split(rows_.size(), 1, [&](size_t first, size_t last, unsigned) {
      for (size_t row = first; row < last; ++row) work(row);
    });
  }

  void multiply(const WeightMatrix& weights, const float* x, float* y) { matmul(weights, x, rows_.size(), y, pool_); }

  void begin(std::span<const BatchToken> tokens) {
    rows_.clear();
    positions_.clear();
    wanted_.clear();
    for (uint32_t i = 0; i < tokens.size(); ++i) {
      rows_.push_back({i, tokens[i].sequence});
      positions_.push_back(tokens[i].position);
      if (tokens[i].wants_logits) wanted_.push_back(i);
    }
    const size_t hidden = model_.hidden;
    const float embedding_scale = std::sqrt(static_cast<float>(model_.hidden));
    for_rows([&](size_t row) {
      weights_.token_embd.row(tokens[row].token, &memory_.x[row * hidden]);
      scale(embedding_scale, hidden, &memory_.x[row * hidden]);
      rope_full_.at(positions_[row], &memory_.cosines_full[row * rope_full_.half()],
                    &memory_.sines_full[row * rope_full_.half()]);
      rope_sliding_.at(positions_[row], &memory_.cosines_sliding[row * rope_sliding_.half()],
                       &memory_.sines_sliding[row * rope_sliding_.half()]);
    });
    timer_.mark(parts_.embedding);
    if (model_.ple_dim != 0) project_ple();
  }

  // The part of the per-layer embedding that comes from the token's own vector. The division by sqrt(hidden) before the
  // norm only weighs its epsilon.
  void project_ple() {
    multiply(weights_.per_layer_model_proj, memory_.x.get(), memory_.ple.get());
    const size_t dim = model_.ple_dim;
    const float epsilon = model_.rms_epsilon * static_cast<float>(model_.hidden);
    for_rows([&](size_t row) {
      float* ple = &memory_.ple[row * memory_.widths.ple];
      for (uint32_t l = 0; l < model_.layers; ++l, ple += dim)
        rms_norm(ple, weights_.per_layer_proj_norm.data(), dim, epsilon, ple);
    });
    timer_.mark(parts_.ple);
  }

  void take_ple_rows(StepRows& ple) {
    timer_.mark(parts_.ffn);
    ple.await();
    timer_.mark(parts_.await);
    const size_t width = memory_.widths.ple;
    const float row_scale = std::sqrt(static_cast<float>(model_.ple_dim));
    pool_.split(rows_.size(), 1, [&](size_t first, size_t last, unsigned worker) {
      auto* values = reinterpret_cast<float*>(pool_.scratch(worker, width * sizeof(float)));
      for (size_t row = first; row < last; ++row) {
        ple_dtype_->dequantize(ple.row(rows_[row].token), values, width);
        add_scaled(values, row_scale, std::sqrt(0.5f), width, &memory_.ple[row * width]);
      }
    });
    timer_.mark(parts_.ple);
  }

  void attention_layer(uint32_t l) {
    const BlockWeights& block = weights_.blocks[l];
    const size_t hidden = model_.hidden;
    for_rows([&](size_t row) {
      rms_norm(&memory_.x[row * hidden], block.attn_norm.data(), hidden, model_.rms_epsilon,
               &memory_.normed[row * hidden]);
    });
    project_heads(l);
    timer_.mark(parts_.qkv);
    if (rows_.empty()) return;
    attend_rows(l);
    timer_.mark(parts_.attention);
    multiply(block.attn_output, memory_.attended.get(), memory_.delta.get());
    for_rows([&](size_t row) {
      float* x = &memory_.x[row * hidden];
      add_rms_norm(&memory_.delta[row * hidden], block.post_attention_norm.data(), hidden, model_.rms_epsilon, x);
      rms_norm(x, block.ffn_norm.data(), hidden, model_.rms_epsilon, &memory_.normed[row * hidden]);
    });
    timer_.mark(parts_.attn_output);
  }

  // Queries of all rows, keys and values into the cache. Behind the last layer that stores any, only the rows that want
  // logits go on.
  void project_heads(uint32_t l) {
    const BlockWeights& block = weights_.blocks[l];
    std::vector<MatmulOutput> outputs;
    if (model_.layer[l].own_kv) {
      outputs.push_back({&block.attn_k, memory_.keys.get()});
      if (block.attn_v.rows()) outputs.push_back({&block.attn_v, memory_.values.get()});
    }
    const bool dropping = l == last_own_kv_ && wanted_.size() < rows_.size();
    if (!dropping) outputs.push_back({&block.attn_q, memory_.queries.get()});
    if (!outputs.empty()) matmul(outputs, memory_.normed.get(), rows_.size(), pool_);
    if (model_.layer[l].own_kv) store_keys_and_values(l);
    if (dropping) {
      keep_wanted_rows();
      if (rows_.empty()) return;
      multiply(block.attn_q, memory_.normed.get(), memory_.queries.get());
    }
    const LayerShape& layer = model_.layer[l];
    for_rows([&](size_t row) {
      float* query = &memory_.queries[row * layer.heads * layer.head_dim];
      for (uint32_t h = 0; h < layer.heads; ++h, query += layer.head_dim)
        norm_and_rotate(layer, row, block.attn_q_norm.data(), query);
    });
  }

  void norm_and_rotate(const LayerShape& layer, size_t row, const float* weight, float* head) const {
    const size_t half = layer.head_dim / 2;
    const float* cosines = &(layer.sliding ? memory_.cosines_sliding : memory_.cosines_full)[row * half];
    const float* sines = &(layer.sliding ? memory_.sines_sliding : memory_.sines_full)[row * half];
    rms_norm(head, weight, layer.head_dim, model_.rms_epsilon, head);
    rotate_halves(cosines, sines, half, head);
  }

  void store_keys_and_values(uint32_t l) {
    const BlockWeights& block = weights_.blocks[l];
    const LayerShape& layer = model_.layer[l];
    const size_t dim = layer.head_dim, width = layer.kv_heads * dim;
    const bool values_are_keys = block.attn_v.rows() == 0;
    for_rows([&](size_t row) {
      float* keys = &memory_.keys[row * width];
      float* values = &memory_.values[row * width];
      if (values_are_keys) std::copy_n(keys, width, values);
      for (size_t at = 0; at < width; at += dim) {
        norm_and_rotate(layer, row, block.attn_k_norm.data(), keys + at);
        rms_norm(values + at, nullptr, dim, model_.rms_epsilon, values + at);
      }
      cache_.store(l, rows_[row].sequence, positions_[row], keys, values);
    });
  }

  void keep_wanted_rows() {
    const auto keep = [&](Activations::Floats& floats, size_t width) {
      for (size_t to = 0; to < wanted_.size(); ++to)
        std::memmove(&floats[to * width], &floats[wanted_[to] * width], width * sizeof(float));
    };
    keep(memory_.x, model_.hidden);
    keep(memory_.normed, model_.hidden);
    keep(memory_.ple, memory_.widths.ple);
    keep(memory_.cosines_full, rope_full_.half());
    keep(memory_.sines_full, rope_full_.half());
    keep(memory_.cosines_sliding, rope_sliding_.half());
    keep(memory_.sines_sliding, rope_sliding_.half());
    for (size_t to = 0; to < wanted_.size(); ++to) {
      rows_[to] = rows_[wanted_[to]];
      positions_[to] = positions_[wanted_[to]];
    }
    rows_.resize(wanted_.size());
    positions_.resize(wanted_.size());
  }

  // Shares depend on the batch and the number of threads only.
  void plan_attention(const LayerShape& layer) {
    const uint32_t group = layer.heads / layer.kv_heads;
    const auto rows = static_cast<uint32_t>(rows_.size());
    const uint32_t heads_each = std::min<uint32_t>(group, kMaxAttentionRows);
    const uint32_t tokens_each =
        std::min(static_cast<uint32_t>(kMaxAttentionRows) / heads_each, (rows + pool_.size() - 1) / pool_.size());
    tasks_.clear();
    for (uint32_t first = 0, end = 0; first < rows; first = end) {
      for (end = first; end < rows && end - first < tokens_each; ++end)
        if (rows_[end].sequence != rows_[first].sequence) break;
      for (uint32_t kv_head = 0; kv_head < layer.kv_heads; ++kv_head)
        for (uint32_t head = 0; head < group; head += heads_each) {
          const uint32_t heads = std::min(heads_each, group - head);
          tasks_.push_back({first, end - first, kv_head, kv_head * group + head, heads, 0, {}});
        }
    }
    const auto parts = static_cast<uint32_t>(pool_.size() / tasks_.size());
    if (parts > 1) share_out_keys(layer, parts);
  }

  // Fewer tasks than threads, each of one token: each is cut into up to `parts` along its keys.
  void share_out_keys(const LayerShape& layer, uint32_t parts) {
    std::vector<AttentionTask> cut;
    for (const AttentionTask& task : tasks_) {
      const KeyRange seen = visible_keys(positions_[task.row], layer.sliding ? model_.sliding_window : 0);
      const uint32_t first = seen.first / kKvBlock, blocks = (seen.end + kKvBlock - 1) / kKvBlock - first;
      for (uint32_t part = 0, used = std::min(parts, blocks); part < used; ++part) {
        cut.push_back(task);
        cut.back().part = part;
        cut.back().keys = {(first + blocks * part / used) * kKvBlock, (first + blocks * (part + 1) / used) * kKvBlock};
      }
    }
    tasks_ = std::move(cut);
  }

  void attend_rows(uint32_t l) {
    const LayerShape& layer = model_.layer[l];
    plan_attention(layer);
    partial_.resize(tasks_.size() * memory_.widths.query);
    totals_.resize(tasks_.size() * kMaxAttentionRows);
    std::atomic<size_t> next = 0;
    pool_.run([&](unsigned worker) {
      const size_t floats = attention_scratch_floats(layer.head_dim);
      auto* scratch = reinterpret_cast<float*>(pool_.scratch(worker, floats * sizeof(float)));
      for (size_t i = next++; i < tasks_.size(); i = next++) attend_task(l, i, scratch);
    });
    for (size_t i = 0; i < tasks_.size(); ++i)
      if (tasks_[i].part > 0) join_part(layer, i);
  }

  // The first part of a token's keys, or all of them, goes where it belongs; further parts wait to be joined to it.
  void attend_task(uint32_t l, size_t index, float* scratch) {
    const LayerShape& layer = model_.layer[l];
    const AttentionTask& task = tasks_[index];
    const size_t stride = size_t{layer.heads} * layer.head_dim;
    const size_t offset = task.row * stride + size_t{task.head} * layer.head_dim;
    AttentionBlock block;
    block.kv = cache_.head(l, rows_[task.row].sequence, task.kv_head);
    block.window = layer.sliding ? model_.sliding_window : 0;
    block.positions = std::span(positions_).subspan(task.row, task.rows);
    block.heads = task.heads;
    block.token_stride = stride;
    block.queries = &memory_.queries[offset];
    block.out = task.part == 0 ? &memory_.attended[offset] : &partial_[index * memory_.widths.query];
    block.keys = task.keys;
    block.totals = &totals_[index * kMaxAttentionRows];
    attend(block, scratch);
  }

  void join_part(const LayerShape& layer, size_t index) {
    const AttentionTask& task = tasks_[index];
    const size_t whole = index - task.part;
    for (uint32_t h = 0; h < task.heads; ++h)
      join_attention(&partial_[index * memory_.widths.query + h * layer.head_dim],
                     totals_[index * kMaxAttentionRows + h], layer.head_dim,
                     &memory_.attended[(size_t{task.row} * layer.heads + task.head + h) * layer.head_dim],
                     totals_[whole * kMaxAttentionRows + h]);
  }

  void ffn_layer(uint32_t l) {
    const BlockWeights& block = weights_.blocks[l];
    const size_t hidden = model_.hidden, width = model_.layer[l].ffn_width;
    const MatmulOutput outputs[] = {{&block.ffn_gate, memory_.gate.get()}, {&block.ffn_up, memory_.up.get()}};
    matmul(outputs, memory_.normed.get(), rows_.size(), pool_);
    constexpr size_t kGrain = 1024;
    pool_.split(rows_.size() * width, kGrain, [&](size_t first, size_t last, unsigned) {
      gelu_multiply(&memory_.up[first], last - first, &memory_.gate[first]);
    });
    multiply(block.ffn_down, memory_.gate.get(), memory_.delta.get());
    for_rows([&](size_t row) {
      add_rms_norm(&memory_.delta[row * hidden], block.post_ffw_norm.data(), hidden, model_.rms_epsilon,
                   &memory_.x[row * hidden]);
    });
    timer_.mark(parts_.ffn);
  }

  // What the per-layer embedding adds, and the block's scale.
  void ple_layer(uint32_t l) {
    const BlockWeights& block = weights_.blocks[l];
    const size_t hidden = model_.hidden, dim = model_.ple_dim;
    if (dim != 0) {
      multiply(block.inp_gate, memory_.x.get(), memory_.gate.get());
      for_rows([&](size_t row) {
        gelu_multiply(&memory_.ple[row * memory_.widths.ple + l * dim], dim, &memory_.gate[row * dim]);
      });
      multiply(block.proj, memory_.gate.get(), memory_.delta.get());
    }
    for_rows([&](size_t row) {
      float* x = &memory_.x[row * hidden];
      if (dim != 0) add_rms_norm(&memory_.delta[row * hidden], block.post_norm.data(), hidden, model_.rms_epsilon, x);
      scale(block.output_scale[0], hidden, x);
    });
    timer_.mark(parts_.ple);
  }

  // The rows left are those that want logits.
  void head(float* logits) {
    const size_t hidden = model_.hidden;
    for_rows([&](size_t row) {
      rms_norm(&memory_.x[row * hidden], weights_.output_norm.data(), hidden, model_.rms_epsilon,
               &memory_.normed[row * hidden]);
    });
    if (rows_.empty()) return;
    multiply(weights_.head(), memory_.normed.get(), logits);
    if (model_.logit_softcap > 0) {
      constexpr size_t kGrain = 4096;
      pool_.split(rows_.size() * model_.vocab, kGrain, [&](size_t first, size_t last, unsigned) {
        soft_cap(model_.logit_softcap, last - first, logits + first);
      });
    }
    timer_.mark(parts_.head);
  }

  const Hyperparameters model_;
  const DecoderOptions options_;
  ThreadPool pool_;
  const DecoderWeights weights_;
  const uint64_t weight_bytes_;
  const KvType kv_type_;
  KvCache cache_;
  Activations memory_;
  const RopeAngles rope_full_, rope_sliding_;
  const DTypeInfo* ple_dtype_ = nullptr;
  uint32_t last_own_kv_ = 0;

  std::vector<uint32_t> lengths_;  // per sequence: positions stored
  PartSeconds parts_;
  // Of the pass:
  PartTimer timer_;
  std::vector<Row> rows_;
  std::vector<uint32_t> positions_;  // parallel to rows_
  std::vector<uint32_t> wanted_;     // tokens of the batch that want logits
  std::vector<AttentionTask> tasks_;
  std::vector<float> partial_;         // a task's result where it is not the first of its token
  std::vector<SoftmaxTotals> totals_;  // [task][kMaxAttentionRows]
};

}  // namespace

std::unique_ptr<Decoder> make_cpu_decoder(const GgufFile& file, const DecoderOptions& options) {
  const Hyperparameters model = read_hyperparameters(file);
  check_supported(file, model);
  use_simd_level(chosen_level());
  return std::make_unique<CpuDecoder>(file, model, options);
}

DecoderMemory cpu_decoder_memory(const GgufFile& file, const DecoderOptions& options) {
  const Hyperparameters model = read_hyperparameters(file);
  return {weight_bytes(file, model), KvCache::bytes(model, choose_kv_type(file, model), kv_size(options)),
          Activations::bytes(model, options.max_batch_tokens)};
}

}  // namespace tierscope
