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

// Up to 8 tokens meet the packed weights, more the unpacked: the cost jumps between 8 and 9.
constexpr std::array kChunks{1u, 2u, 4u, 8u, 9u, 16u, 32u, 64u, 128u, 512u};
constexpr std::array kContexts{0u, 512u, 1024u};
constexpr uint32_t kLongestPrefilled = 512;
constexpr uint32_t kStray = 2;         // a context may be longer by this share
constexpr uint32_t kDecodePasses = 5;  // a round: short passes are noisier

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
        decoder_(backend.make_decoder(
            file, {options.threads, kContexts.back() * (kStray + 1) / kStray + kChunks.back(), 1, kChunks.back()})),
        rows_(shape.row_bytes),
        logits_(decoder_->hyperparameters().vocab),
        random_(options.seed) {}

  uint32_t blocks() const { return decoder_->hyperparameters().layers; }

  // Once through all passes. Rounds follow each other, so that each figure's samples are spread over the machine's
  // moods.
  void round() {
    for (const uint32_t context : kContexts)
      for (const uint32_t tokens : kChunks) {
        if (tokens > 1 && context > kLongestPrefilled) continue;
        Samples& samples = samples_[{tokens, context}];
        for (uint32_t i = 0; i < (tokens == 1 ? kDecodePasses : 1); ++i) {
          samples.total.push_back(timed(tokens, context, false, &samples.blocks));
          samples.before.push_back(microseconds(rows_.asked() - begin_));
          if (tokens == 1) samples.with_logits.push_back(timed(tokens, context, true, nullptr));
        }
      }
  }

  std::vector<MeasuredPass> passes() const {
    std::vector<MeasuredPass> passes;
    for (const auto& [key, samples] : samples_) {
      const auto [tokens, context] = key;
      const Samples& one = samples_.at({1, context});
      const double total_us = median(samples.total);
      // What asking for one position's logits adds, whatever the chunk: blocks that only they need, and the output
      // projection.
      MeasuredPass& pass = passes.emplace_back(MeasuredPass{
          tokens, context, median(samples.before), {}, std::max(0.0, median(one.with_logits) - median(one.total)), ""});
      double sum = 0;
      for (const auto& block : samples.blocks) sum += pass.block_us.emplace_back(block.empty() ? 0 : median(block));
      // The blocks' medians need not add up to the pass's.
      for (double& us : pass.block_us) us *= total_us / sum;
      pass.source = fmt::format("measured: tierscope probe, median of {} passes", samples.total.size());
    }
    return passes;
  }

 private:
  struct Samples {
    std::vector<double> before, total, with_logits;
    std::vector<std::vector<double>> blocks;
  };

  // Makes the context's positions exist, and next to none after it: to forget them, all would be computed again.
  void fill_to(uint32_t context) {
    if (filled_ >= context && filled_ - context <= context / kStray) return;
    decoder_->reset(0);
    for (filled_ = 0; filled_ < context;) run(std::min(kChunks.back(), context - filled_), false);
  }

  void run(uint32_t tokens, bool wants_logits) {
    batch_.clear();
    for (uint32_t i = 0; i < tokens; ++i)
      batch_.push_back(
          {random_.below(decoder_->hyperparameters().vocab), 0, filled_ + i, wants_logits && i + 1 == tokens});
    decoder_->forward(batch_, rows_, logits_.data());
    filled_ += tokens;
  }

  double timed(uint32_t tokens, uint32_t context, bool wants_logits, std::vector<std::vector<double>>* blocks) {
    fill_to(context);
    double last_s = 0;
    if (blocks) {
      blocks->resize(shape_.blocks.size());
      decoder_->on_block = [&](uint32_t block, double seconds) {
        (*blocks)[block].push_back((seconds - last_s) * 1e6);
        last_s = seconds;
      };
    }
    begin_ = Clock::now();
    run(tokens, wants_logits);
    const double us = microseconds(Clock::now() - begin_);
    decoder_->on_block = nullptr;
    return us;
  }

  const ModelShape& shape_;
  std::unique_ptr<Decoder> decoder_;
  ReadyRows rows_;
  std::vector<float> logits_;
  std::vector<BatchToken> batch_;
  std::map<std::pair<uint32_t, uint32_t>, Samples> samples_;  // by tokens and context
  uint32_t filled_ = 0;                                       // positions
  Random random_;
  Clock::time_point begin_{};
};

}  // namespace

MeasuredModel probe_model(const GgufFile& file, const ModelShape& shape, const Backend& backend,
                          const ProbeOptions& options) {
  PassBench bench(file, shape, backend, options);
  for (uint32_t round = 0; round < options.rounds; ++round) {
    if (options.on_progress) options.on_progress(fmt::format("the decoder, round {} of {}", round + 1, options.rounds));
    bench.round();
  }
  return {shape.name, shape.weight_bytes, options.threads, bench.passes()};
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
