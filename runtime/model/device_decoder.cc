// The decoder on a device: the same forward pass as the CPU's, a kernel a step, everything but logits and PLE rows in
// device memory. Activations are float32; weights stay as the file has them.
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <deque>
#include <numeric>

#include "runtime/base/error.h"
#include "runtime/compute/device_rows.h"
#include "runtime/model/device_decoder.h"
#include "runtime/model/device_weights.h"
#include "runtime/model/rope.h"
#include "runtime/model/sequence_lengths.h"
#include "runtime/placement/copy_rows.h"

namespace tierscope {
namespace {

// As in the kernels' sources.
constexpr uint32_t kGroupItems = 64, kMatmulItems = 32, kMatmulTokens = 8, kMaxHeadDim = 512;
constexpr uint32_t kLogitRows = 16;  // logits of a pass leave the device in slices of this many rows

constexpr uint32_t groups(uint64_t size, uint32_t items) {
  return static_cast<uint32_t>((size + items - 1) / items);
}

struct Widths {
  explicit Widths(const Hyperparameters& model)
      : hidden(model.hidden), ple(model.layers * model.ple_dim), gate(model.ple_dim) {
    for (const LayerShape& layer : model.layer) {
      query = std::max(query, layer.heads * layer.head_dim);
      kv = std::max(kv, layer.kv_heads * layer.head_dim);
      gate = std::max(gate, layer.ffn_width);
      (layer.sliding ? half_sliding : half_full) = layer.head_dim / 2;
    }
  }
  uint32_t hidden = 0, ple = 0, gate = 0, query = 0, kv = 0, half_full = 0, half_sliding = 0;
};

uint64_t kv_layer_bytes(const LayerShape& layer, const DecoderOptions& options) {
  return uint64_t{options.sequences} * options.context_tokens * layer.kv_heads * layer.head_dim * sizeof(float);
}

uint64_t all_kv_bytes(const Hyperparameters& model, const DecoderOptions& options) {
  uint64_t bytes = 0;
  for (const LayerShape& layer : model.layer)
    if (layer.own_kv) bytes += 2 * kv_layer_bytes(layer, options);
  return bytes;
}

void check_supported(const GgufFile& file, const Hyperparameters& model) {
  for (const LayerShape& layer : model.layer)
    if (layer.head_dim > kMaxHeadDim)
      throw file.error("key", layer.sliding ? "gemma4.attention.key_length_swa" : "gemma4.attention.key_length",
                       fmt::format("{} is more than the {} that device kernels take", layer.head_dim, kMaxHeadDim));
}

class DeviceDecoder final : public Decoder {
 public:
  DeviceDecoder(const GgufFile& file, const Hyperparameters& model, const DecoderOptions& options, Device& device)
      : model_(model),
        options_(options),
        widths_(model),
        device_(device),
        weight_bytes_(tierscope::weight_bytes(file, model)),
        weights_(load_device_weights(file, model, device)),
        rope_full_(2 * widths_.half_full, model.rope_base, weights_.rope_freqs.host),
        rope_sliding_(2 * widths_.half_sliding, model.rope_base_sliding, {}),
        lengths_(options.sequences) {
    if (model.ple_dim != 0) {
      const PleTable table = *find_ple_table(file);
      ple_type_ = table.type;
      ple_row_bytes_ = table.row_bytes;
    }
    allocate_memory();
  }

  ~DeviceDecoder() override {
    try {
      device_.finish();
    } catch (const Error&) {
      // A lost device reads nothing of this any more.
    }
  }

  const Hyperparameters& hyperparameters() const override { return model_; }
  uint64_t weight_bytes() const override { return weight_bytes_; }
  uint64_t kv_bytes() const override { return all_kv_bytes(model_, options_); }
  const PartSeconds& part_seconds() const override { return parts_; }
  void reset(uint32_t sequence) override { lengths_.at(sequence) = 0; }

  void forward(std::span<const BatchToken> tokens, StepRows& ple, float* logits) override {
    const std::vector<uint32_t> lengths = lengths_after(tokens, lengths_, model_, options_);
    finish();  // where the pass before failed
    tokens_ = static_cast<uint32_t>(tokens.size());
    start_ = std::chrono::steady_clock::now();
    begin(tokens);
    for (uint32_t l = 0; l < model_.layers; ++l) {
      attention_layer(l);
      ffn_layer(l);
      if (l == 0 && model_.ple_dim != 0) take_ple_rows(ple);
      ple_layer(l);
      if (on_block) {
        device_.finish();
        on_block(l, seconds());
      }
    }
    head(tokens, logits);
    finish();
    for (const auto& [event, part] : timed_) *part += event.seconds();
    timed_.clear();
    lengths_ = lengths;
  }

 private:
  using Buffer = std::unique_ptr<DeviceBuffer>;

  void finish() {
    device_.finish();
    inputs_.clear();
  }

  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

  void allocate_memory() {
    const uint64_t batch = options_.max_batch_tokens;
    const auto floats = [&](uint64_t width, const char* purpose) {
      return device_.allocate(std::max<uint64_t>(1, batch * width) * sizeof(float), purpose);
    };
    x_ = floats(widths_.hidden, "activations");
    normed_ = floats(widths_.hidden, "activations");
    delta_ = floats(widths_.hidden, "activations");
    queries_ = floats(widths_.query, "queries");
    attended_ = floats(widths_.query, "attention");
    new_keys_ = floats(widths_.kv, "keys");
    new_values_ = floats(widths_.kv, "values");
    gate_ = floats(widths_.gate, "activations");
    up_ = floats(widths_.gate, "activations");
    ple_context_ = floats(widths_.ple, "per-layer embeddings");
    ple_ = floats(widths_.ple, "per-layer embeddings");
    ids_ = floats(1, "token ids");
    sequences_ = floats(1, "sequences");
    positions_ = floats(1, "positions");
    indices_ = floats(1, "row slots");
    cosines_full_ = floats(widths_.half_full, "rotation");
    sines_full_ = floats(widths_.half_full, "rotation");
    cosines_sliding_ = floats(widths_.half_sliding, "rotation");
    sines_sliding_ = floats(widths_.half_sliding, "rotation");
    logits_ = device_.allocate(uint64_t{kLogitRows} * model_.vocab * sizeof(float), "logits");
    keys_.resize(model_.layers);
    values_.resize(model_.layers);
    for (uint32_t l = 0; l < model_.layers; ++l) {
      if (!model_.layer[l].own_kv) continue;
      keys_[l] = device_.allocate(kv_layer_bytes(model_.layer[l], options_), "the KV cache");
      values_[l] = device_.allocate(kv_layer_bytes(model_.layer[l], options_), "the KV cache");
    }
    if (model_.ple_dim == 0) return;
    step_rows_ = device_.allocate(batch * ple_row_bytes_, "a step's rows");
    staging_ = device_.allocate_pinned(batch * ple_row_bytes_);
  }

  DeviceEvent run(double& part, std::string_view kernel, std::optional<DType> type, const KernelGrid& grid,
                  std::initializer_list<KernelArgument> arguments, const std::vector<DeviceEvent>& after = {}) {
    const DeviceEvent event = device_.launch(kernel, type, grid, arguments, after);
    timed_.emplace_back(event, &part);
    return event;
  }

  // What the kernels of this pass read besides rows: among them in order, so that nobody waits, least of all for the
  // rows that are on their way in the other queue. The host's copy stays until the pass is over.
  template <class T>
  void upload(DeviceBuffer& to, const std::vector<T>& values) {
    const auto bytes = std::as_bytes(std::span(values));
    device_.write_in_order(to, 0, inputs_.emplace_back(bytes.begin(), bytes.end()));
  }

  void multiply(double& part, const DeviceMatrix& matrix, const DeviceBuffer& x, uint32_t tokens, DeviceBuffer& y,
                float scale = 1) {
    run(part, "matmul", matrix.type(), {matrix.rows(), groups(tokens, kMatmulTokens), kMatmulItems},
        {&matrix.buffer(), matrix.row_bytes(), matrix.cols(), matrix.rows(), &x, tokens, scale, &y});
  }

  // out = (residual + norm(x) * weight) * scale; no weight or residual where null.
  void norm(double& part, const DeviceBuffer& x, uint32_t rows, uint32_t size, const DeviceVector* weight,
            const DeviceBuffer* residual, DeviceBuffer& out, float scale = 1) {
    run(part, "rms_norm", std::nullopt, {rows, 1, kGroupItems},
        {&x, size, model_.rms_epsilon, weight ? weight->buffer.get() : &x, uint32_t{weight != nullptr},
         residual ? residual : &x, uint32_t{residual != nullptr}, scale, &out});
  }

  void begin(std::span<const BatchToken> tokens) {
    std::vector<uint32_t> ids, sequences, positions;
    std::vector<float> cosines_full(tokens.size() * widths_.half_full), sines_full(cosines_full.size());
    std::vector<float> cosines_sliding(tokens.size() * widths_.half_sliding), sines_sliding(cosines_sliding.size());
    for (size_t i = 0; i < tokens.size(); ++i) {
      ids.push_back(tokens[i].token);
      sequences.push_back(tokens[i].sequence);
      positions.push_back(tokens[i].position);
      rope_full_.at(tokens[i].position, &cosines_full[i * widths_.half_full], &sines_full[i * widths_.half_full]);
      rope_sliding_.at(tokens[i].position, &cosines_sliding[i * widths_.half_sliding],
                       &sines_sliding[i * widths_.half_sliding]);
    }
    upload(*ids_, ids);
    upload(*sequences_, sequences);
    upload(*positions_, positions);
    if (widths_.half_full) upload(*cosines_full_, cosines_full), upload(*sines_full_, sines_full);
    if (widths_.half_sliding) upload(*cosines_sliding_, cosines_sliding), upload(*sines_sliding_, sines_sliding);
    const DeviceMatrix& table = weights_.token_embd;
    run(parts_.embedding, "get_rows", table.type(), {groups(table.cols(), 32), tokens_, 1},
        {&table.buffer(), table.row_bytes(), table.cols(), ids_.get(), std::sqrt(static_cast<float>(model_.hidden)),
         x_.get()});
    if (model_.ple_dim == 0) return;
    multiply(parts_.ple, weights_.per_layer_model_proj, *x_, tokens_, *ple_context_,
             1 / std::sqrt(static_cast<float>(model_.hidden)));
    norm(parts_.ple, *ple_context_, tokens_ * model_.layers, model_.ple_dim, &weights_.per_layer_proj_norm, nullptr,
         *ple_context_);
  }

  void attention_layer(uint32_t l) {
    const auto& block = weights_.blocks[l];
    const LayerShape& layer = model_.layer[l];
    const uint32_t kv = layer.kv_heads * layer.head_dim;
    norm(parts_.qkv, *x_, tokens_, model_.hidden, &block.attn_norm, nullptr, *normed_);
    if (layer.own_kv) {
      multiply(parts_.qkv, block.attn_k, *normed_, tokens_, *new_keys_);
      if (block.attn_v.rows())
        multiply(parts_.qkv, block.attn_v, *normed_, tokens_, *new_values_);
      else
        device_.copy(*new_keys_, 0, *new_values_, 0, uint64_t{tokens_} * kv * sizeof(float));
      norm(parts_.qkv, *new_keys_, tokens_ * layer.kv_heads, layer.head_dim, &block.attn_k_norm, nullptr, *new_keys_);
      norm(parts_.qkv, *new_values_, tokens_ * layer.kv_heads, layer.head_dim, nullptr, nullptr, *new_values_);
      rotate(layer, layer.kv_heads, *new_keys_);
      store(*new_keys_, kv, *keys_[l]);
      store(*new_values_, kv, *values_[l]);
    }
    multiply(parts_.qkv, block.attn_q, *normed_, tokens_, *queries_);
    norm(parts_.qkv, *queries_, tokens_ * layer.heads, layer.head_dim, &block.attn_q_norm, nullptr, *queries_);
    rotate(layer, layer.heads, *queries_);
    run(parts_.attention, "attention", std::nullopt, {layer.heads, tokens_, kGroupItems},
        {queries_.get(), layer.heads, layer.kv_heads, layer.head_dim, keys_[layer.kv_from].get(),
         values_[layer.kv_from].get(), sequences_.get(), positions_.get(), options_.context_tokens,
         layer.sliding ? model_.sliding_window : 0, attended_.get()});
    multiply(parts_.attn_output, block.attn_output, *attended_, tokens_, *delta_);
    norm(parts_.attn_output, *delta_, tokens_, model_.hidden, &block.post_attention_norm, x_.get(), *x_);
  }

  void rotate(const LayerShape& layer, uint32_t heads, DeviceBuffer& x) {
    run(parts_.qkv, "rope", std::nullopt,
        {groups(uint64_t{heads} * layer.head_dim / 2, kGroupItems), tokens_, kGroupItems},
        {&x, heads, layer.head_dim, (layer.sliding ? cosines_sliding_ : cosines_full_).get(),
         (layer.sliding ? sines_sliding_ : sines_full_).get()});
  }

  void store(const DeviceBuffer& rows, uint32_t size, DeviceBuffer& cache) {
    run(parts_.qkv, "store_kv", std::nullopt, {groups(size, kGroupItems), tokens_, kGroupItems},
        {&rows, size, sequences_.get(), positions_.get(), options_.context_tokens, &cache});
  }

  void ffn_layer(uint32_t l) {
    const auto& block = weights_.blocks[l];
    const uint32_t width = model_.layer[l].ffn_width;
    norm(parts_.ffn, *x_, tokens_, model_.hidden, &block.ffn_norm, nullptr, *normed_);
    multiply(parts_.ffn, block.ffn_gate, *normed_, tokens_, *gate_);
    multiply(parts_.ffn, block.ffn_up, *normed_, tokens_, *up_);
    gelu_multiply(parts_.ffn, width, *up_, width, 0);
    multiply(parts_.ffn, block.ffn_down, *gate_, tokens_, *delta_);
    norm(parts_.ffn, *delta_, tokens_, model_.hidden, &block.post_ffw_norm, x_.get(), *x_);
  }

  void gelu_multiply(double& part, uint32_t size, const DeviceBuffer& factor, uint32_t stride, uint32_t offset) {
    run(part, "gelu_multiply", std::nullopt, {groups(size, kGroupItems), tokens_, kGroupItems},
        {gate_.get(), size, &factor, stride, offset});
  }

  void take_ple_rows(StepRows& rows) {
    const auto before = std::chrono::steady_clock::now();
    device_.flush();  // the block before computes while the host waits for rows
    rows.await();
    parts_.await += std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
    if (const DeviceStepRows* on_device = rows.on_device()) {
      for (const DeviceRowPart& part : on_device->device_parts()) gather(*part.slots, part.indices, part.ready);
      return;
    }
    const std::span<std::byte> copied = staging_.first(tokens_ * ple_row_bytes_);
    copy_rows(rows, ple_row_bytes_, copied);
    const DeviceEvent sent = device_.write(*step_rows_, 0, copied);
    std::vector<uint32_t> slots(tokens_);
    std::iota(slots.begin(), slots.end(), 0U);
    gather(*step_rows_, slots, {sent});
  }

  void gather(const DeviceBuffer& slots, const std::vector<uint32_t>& indices, const std::vector<DeviceEvent>& ready) {
    upload(*indices_, indices);
    run(parts_.ple, "ple_gather", ple_type_, {groups(widths_.ple, 32), tokens_, 1},
        {&slots, ple_row_bytes_, widths_.ple, indices_.get(), std::sqrt(static_cast<float>(model_.ple_dim)),
         ple_context_.get(), ple_.get()},
        ready);
  }

  // What the per-layer embedding adds, and the block's scale.
  void ple_layer(uint32_t l) {
    const auto& block = weights_.blocks[l];
    const float scale = block.output_scale.host[0];
    if (model_.ple_dim == 0) {
      run(parts_.ple, "scale", std::nullopt, {groups(model_.hidden, kGroupItems), tokens_, kGroupItems},
          {x_.get(), model_.hidden, scale});
      return;
    }
    multiply(parts_.ple, block.inp_gate, *x_, tokens_, *gate_);
    gelu_multiply(parts_.ple, model_.ple_dim, *ple_, widths_.ple, l * model_.ple_dim);
    multiply(parts_.ple, block.proj, *gate_, tokens_, *delta_);
    norm(parts_.ple, *delta_, tokens_, model_.hidden, &block.post_norm, x_.get(), *x_, scale);
  }

  void head(std::span<const BatchToken> tokens, float* logits) {
    std::vector<uint32_t> wanted;
    for (uint32_t i = 0; i < tokens.size(); ++i)
      if (tokens[i].wants_logits) wanted.push_back(i);
    if (wanted.empty()) return;
    norm(parts_.head, *x_, tokens_, model_.hidden, &weights_.output_norm, nullptr, *normed_);
    upload(*indices_, wanted);
    const auto count = static_cast<uint32_t>(wanted.size());
    run(parts_.head, "pick_rows", std::nullopt, {groups(model_.hidden, kGroupItems), count, kGroupItems},
        {normed_.get(), model_.hidden, indices_.get(), delta_.get()});
    for (uint32_t first = 0; first < count; first += kLogitRows) {
      const uint32_t rows = std::min(kLogitRows, count - first);
      const DeviceMatrix& matrix = weights_.head();
      device_.copy(*delta_, uint64_t{first} * model_.hidden * sizeof(float), *normed_, 0,
                   uint64_t{rows} * model_.hidden * sizeof(float));
      multiply(parts_.head, matrix, *normed_, rows, *logits_);
      if (model_.logit_softcap > 0)
        run(parts_.head, "softcap", std::nullopt, {groups(model_.vocab, kGroupItems), rows, kGroupItems},
            {logits_.get(), model_.vocab, model_.logit_softcap});
      device_.finish();
      const std::span<float> out(logits + uint64_t{first} * model_.vocab, uint64_t{rows} * model_.vocab);
      device_.read(*logits_, 0, std::as_writable_bytes(out)).wait();
    }
  }

  const Hyperparameters model_;
  const DecoderOptions options_;
  const Widths widths_;
  Device& device_;
  const uint64_t weight_bytes_;
  const DeviceWeights weights_;
  const RopeAngles rope_full_, rope_sliding_;
  DType ple_type_ = DType::f32;
  uint64_t ple_row_bytes_ = 0;

  // [tokens][width], width as in Widths.
  Buffer x_, normed_, delta_, queries_, attended_, new_keys_, new_values_, gate_, up_, ple_context_, ple_;
  Buffer ids_, sequences_, positions_, indices_;
  Buffer cosines_full_, sines_full_, cosines_sliding_, sines_sliding_;
  Buffer logits_;
  Buffer step_rows_;                   // rows that came through host memory
  std::span<std::byte> staging_;       // pinned, on their way to step_rows_
  std::vector<Buffer> keys_, values_;  // by layer, [sequence][position][kv_heads * head_dim]; empty where it shares

  std::deque<std::vector<std::byte>> inputs_;  // of the pass under way
  std::vector<uint32_t> lengths_;              // per sequence: positions stored
  PartSeconds parts_;
  std::vector<std::pair<DeviceEvent, double*>> timed_;
  uint32_t tokens_ = 0;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace

DecoderMemory device_decoder_memory(const GgufFile& file, const DecoderOptions& options) {
  const Hyperparameters model = read_hyperparameters(file);
  const Widths widths(model);
  const uint64_t floats = 3 * widths.hidden + 2 * widths.query + 2 * widths.kv + 2 * widths.gate + 2 * widths.ple +
                          2 * (widths.half_full + widths.half_sliding) + 4;
  const uint64_t rows = model.ple_dim == 0 ? 0 : find_ple_table(file)->row_bytes;
  return {
      weight_bytes(file, model), all_kv_bytes(model, options),
      options.max_batch_tokens * (floats * sizeof(float) + rows) + uint64_t{kLogitRows} * model.vocab * sizeof(float)};
}

std::unique_ptr<Decoder> make_device_decoder(const GgufFile& file, const DecoderOptions& options, Device& device) {
  const Hyperparameters model = read_hyperparameters(file);
  check_supported(file, model);
  const DecoderMemory memory = device_decoder_memory(file, options);
  require_room(
      device, {{"weights", memory.weight_bytes}, {"KV cache", memory.kv_bytes}, {"activations", memory.scratch_bytes}});
  return std::make_unique<DeviceDecoder>(file, model, options, device);
}

}  // namespace tierscope
