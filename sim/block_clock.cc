#include "sim/block_clock.h"

#include <algorithm>
#include <numeric>

namespace tierscope {
namespace {

double blocks_us(const MeasuredPass& pass) {
  return std::accumulate(pass.block_us.begin(), pass.block_us.end(), 0.0);
}

// The line through (x0, y0) and (x1, y1), never below `floor`, at x.
double line(double x0, double y0, double x1, double y1, double x, double floor) {
  return std::max(floor, x1 == x0 ? y0 : y0 + (y1 - y0) * (x - x0) / (x1 - x0));
}

}  // namespace

BlockClock::BlockClock(const ComputeProfile& profile, const ModelShape& model) : profile_(profile), model_(model) {
  // The file's name may differ from the probe's; its geometry and size do not.
  for (const MeasuredModel& candidate : profile.models)
    if (candidate.weight_bytes == model.weight_bytes && candidate.passes.front().block_us.size() == model.blocks.size())
      measured_ = candidate;
  profile_.models.clear();
}

double BlockClock::derived_block_us(const BlockShape& block, uint32_t tokens, uint32_t context) const {
  const double mean_seen = context + (tokens + 1) / 2.0;
  const double seen = block.window ? std::min<double>(block.window, mean_seen) : mean_seen;
  const double operations = tokens * (2.0 * double(block.weights) + 4.0 * block.attention_width * seen);
  const double bytes = double(block.weight_bytes) + 2.0 * block.kv_width * seen;
  return std::max(operations / profile_.flops_per_s.value, bytes / profile_.weight_bytes_per_s.value) * 1e6;
}

BlockClock::Times BlockClock::derived(uint32_t tokens, uint32_t context) const {
  Times times;
  const double input_us = derived_block_us(model_.input, tokens, context);
  times.blocks_us = input_us;
  double first_use_in_block = model_.first_use_in_block;
  times.before_us = input_us;
  for (const BlockShape& block : model_.blocks) {
    const double us = derived_block_us(block, tokens, context) + profile_.block_overhead_us.value;
    times.blocks_us += us;
    times.before_us += us * std::clamp(first_use_in_block, 0.0, 1.0);
    first_use_in_block -= 1;
  }
  times.head_us = derived_block_us(model_.head, 1, 0);
  return times;
}

BlockClock::Times BlockClock::interpolated(uint32_t tokens, uint32_t context) const {
  const auto& passes = measured_.passes;
  // At one measured number of tokens: the line through the two contexts around (or nearest to) the one asked for.
  const auto at = [&](uint32_t measured_tokens) {
    const auto same = std::ranges::equal_range(passes, measured_tokens, {}, &MeasuredPass::tokens);
    auto high = std::ranges::find_if(same, [&](const MeasuredPass& p) { return p.context >= context; });
    if (high == same.end()) --high;
    auto low = high == same.begin() ? high : high - 1;
    if (low == high && same.size() > 1) ++high;
    return Times{line(low->context, low->before_rows_us, high->context, high->before_rows_us, context, 0),
                 line(low->context, blocks_us(*low), high->context, blocks_us(*high), context, 1),
                 line(low->context, low->head_us, high->context, high->head_us, context, 0)};
  };
  auto high = std::ranges::find_if(passes, [&](const MeasuredPass& p) { return p.tokens >= tokens; });
  if (high != passes.end() && high->tokens == tokens) return at(tokens);
  if (high == passes.end()) --high;
  auto low = high;
  while (low != passes.begin() && low->tokens == high->tokens) --low;
  const Times a = at(low->tokens), b = at(high->tokens);
  return {line(low->tokens, a.before_us, high->tokens, b.before_us, tokens, 0),
          line(low->tokens, a.blocks_us, high->tokens, b.blocks_us, tokens, 1),
          line(low->tokens, a.head_us, high->tokens, b.head_us, tokens, 0)};
}

// What the head of several positions takes against that of one: as the blocks of as many tokens against one's, which
// run the same products, where they were measured.
double BlockClock::head_ratio(const PassShape& pass) const {
  if (measured_.passes.empty()) {
    const double one_us = derived_block_us(model_.head, 1, 0);
    return one_us > 0 ? derived_block_us(model_.head, pass.logits, 0) / one_us : 1;
  }
  const double one_us = interpolated(1, pass.context_tokens).blocks_us;
  return one_us > 0 ? interpolated(pass.logits, pass.context_tokens).blocks_us / one_us : 1;
}

BlockClock::Times BlockClock::times(const PassShape& pass) const {
  Times times = measured_.passes.empty() ? derived(pass.tokens, pass.context_tokens)
                                         : interpolated(pass.tokens, pass.context_tokens);
  // Measured and derived is the head of one position; the weights are read once for all.
  if (pass.logits == 0)
    times.head_us = 0;
  else if (pass.logits > 1)
    times.head_us *= head_ratio(pass);
  return times;
}

double BlockClock::before_rows_us(const PassShape& pass) const {
  return times(pass).before_us;
}

double BlockClock::after_rows_us(const PassShape& pass) const {
  const Times t = times(pass);
  return t.blocks_us - t.before_us + t.head_us;
}

std::vector<double> BlockClock::block_ends_us(const PassShape& pass) const {
  const Times t = times(pass);
  // The blocks' shares of the whole are those of the model's shape, or of the first pass measured.
  std::vector<double> ends;
  double sum = 0;
  if (measured_.passes.empty()) {
    sum = derived_block_us(model_.input, pass.tokens, pass.context_tokens);
    for (const BlockShape& block : model_.blocks)
      ends.push_back(sum +=
                     derived_block_us(block, pass.tokens, pass.context_tokens) + profile_.block_overhead_us.value);
  } else {
    for (const double us : measured_.passes.front().block_us) ends.push_back(sum += us);
  }
  for (double& end : ends) end *= t.blocks_us / sum;
  return ends;
}

}  // namespace tierscope
