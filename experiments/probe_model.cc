#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <numeric>

#include "experiments/probe.h"
#include "runtime/base/median.h"
#include "runtime/base/random.h"
#include "runtime/model/decoder.h"

namespace tierscope {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::array kChunks{1u, 2u, 8u, 32u, 128u, 512u};
constexpr std::array kContexts{0u, 512u, 1024u};
constexpr uint32_t kPasses = 3;         // of which the median counts
constexpr uint32_t kDecodePasses = 15;  // short passes are noisier

double microseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

// Rows that are there at once, and the moment at which they were asked for.
class ReadyRows final : public StepRows {
 public:
  explicit ReadyRows(uint64_t row_bytes) : row_(row_bytes) {}
  void await() override { asked_ = Clock::now(); }
  const std::byte* row(size_t) const override { return row_.data(); }
  Clock::time_point asked() const { return asked_; }

 private:
  std::vector<std::byte> row_;
  Clock::time_point asked_{};
};

class PassBench {
 public:
  PassBench(const GgufFile& file, const ModelShape& shape, const Backend& backend, const ProbeOptions& options)
      : shape_(shape),
        decoder_(backend.make_decoder(file, {options.threads, kContexts.back() + kChunks.back(), 1, kChunks.back()})),
        rows_(shape.row_bytes),
        logits_(decoder_->hyperparameters().vocab),
        random_(options.seed) {}

  uint32_t blocks() const { return decoder_->hyperparameters().layers; }

  // Without logits: they are one position's, whatever the chunk.
  MeasuredPass pass(uint32_t tokens, uint32_t context) {
    std::vector<double> before, total;
    std::vector<std::vector<double>> blocks(shape_.blocks.size());
    const uint32_t repeats = tokens == 1 ? kDecodePasses : kPasses;
    fill_to(context);
    for (uint32_t i = 0; i < repeats; ++i) {
      // Decode goes on from where it was: a few positions more make no difference.
      if (tokens > 1) fill_to(context);
      total.push_back(timed(tokens, tokens > 1 ? context : context + i, false, &blocks));
      before.push_back(microseconds(rows_.asked() - begin_));
    }
    MeasuredPass result{tokens, context, median(before), {}, head_us(context), ""};
    double sum = 0;
    for (auto& block : blocks) sum += result.block_us.emplace_back(block.empty() ? 0 : median(block));
    // The blocks' medians need not add up to the pass's.
    for (double& us : result.block_us) us *= median(total) / sum;
    result.source = fmt::format("measured: tierscope probe, median of {} passes", repeats);
    return result;
  }

  // What asking for one position's logits adds: blocks that only they need, and the output projection.
  double head_us(uint32_t context) {
    double& known = head_us_[context];
    if (known > 0) return known;
    std::vector<double> with, without;
    fill_to(context);
    for (uint32_t i = 0; i < kDecodePasses; ++i) {
      without.push_back(timed(1, context + 2 * i, false, nullptr));
      with.push_back(timed(1, context + 2 * i + 1, true, nullptr));
    }
    return known = std::max(0.0, median(with) - median(without));
  }

 private:
  // Makes the context's positions exist; positions after it are forgotten.
  void fill_to(uint32_t context) {
    decoder_->reset(0);
    for (uint32_t at = 0; at < context; at += kChunks.back()) run(std::min(kChunks.back(), context - at), at, false);
  }

  void run(uint32_t tokens, uint32_t position, bool wants_logits) {
    batch_.clear();
    for (uint32_t i = 0; i < tokens; ++i)
      batch_.push_back(
          {random_.below(decoder_->hyperparameters().vocab), 0, position + i, wants_logits && i + 1 == tokens});
    decoder_->forward(batch_, rows_, logits_.data());
  }

  double timed(uint32_t tokens, uint32_t context, bool wants_logits, std::vector<std::vector<double>>* blocks) {
    double last_s = 0;
    if (blocks)
      decoder_->on_block = [&](uint32_t block, double seconds) {
        (*blocks)[block].push_back((seconds - last_s) * 1e6);
        last_s = seconds;
      };
    begin_ = Clock::now();
    run(tokens, context, wants_logits);
    const double us = microseconds(Clock::now() - begin_);
    decoder_->on_block = nullptr;
    return us;
  }

  const ModelShape& shape_;
  std::unique_ptr<Decoder> decoder_;
  ReadyRows rows_;
  std::vector<float> logits_;
  std::vector<BatchToken> batch_;
  std::map<uint32_t, double> head_us_;  // by context
  Random random_;
  Clock::time_point begin_{};
};

}  // namespace

MeasuredModel probe_model(const GgufFile& file, const ModelShape& shape, const Backend& backend,
                          const ProbeOptions& options) {
  PassBench bench(file, shape, backend, options);
  MeasuredModel model{shape.name, shape.weight_bytes, options.threads, {}};
  for (const uint32_t tokens : kChunks)
    for (const uint32_t context : kContexts) {
      if (tokens > 1 && context > 512) continue;
      if (options.on_progress) options.on_progress(fmt::format("{} tokens after {}", tokens, context));
      model.passes.push_back(bench.pass(tokens, context));
    }
  return model;
}

ComputeRates rates_of(const MeasuredModel& measured, const ModelShape& shape) {
  double weights = 0, bytes = 0;
  for (const BlockShape& block : shape.blocks)
    weights += static_cast<double>(block.weights), bytes += static_cast<double>(block.weight_bytes);
  const auto seconds = [](const MeasuredPass& pass) {
    return std::accumulate(pass.block_us.begin(), pass.block_us.end(), 0.0) / 1e6;
  };
  const MeasuredPass& longest = *std::ranges::max_element(measured.passes, {}, &MeasuredPass::tokens);
  return {bytes / seconds(measured.passes.front()), 2 * weights * longest.tokens / seconds(longest)};
}

}  // namespace tierscope
