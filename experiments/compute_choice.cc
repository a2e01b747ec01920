#include "experiments/compute_choice.h"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "experiments/model_shape.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "sim/block_clock.h"
#include "sim/device_profile.h"

namespace tierscope {
namespace {

constexpr std::string_view kPaced = "paced:";

// "10ms" -> 10.
std::optional<double> parse_milliseconds(std::string_view text) {
  if (!text.ends_with("ms")) return std::nullopt;
  const auto value = parse_double(text.substr(0, text.size() - 2));
  return value && *value > 0 ? value : std::nullopt;
}

// Every pass takes the same time, spread evenly over the blocks: a device bound by reading its weights.
ComputeClock constant_clock(double milliseconds, const ModelShape& shape) {
  const double total_us = milliseconds * 1000;
  const auto blocks = static_cast<double>(shape.blocks.size());
  StepPace pace{total_us * shape.first_use_in_block / blocks, {}, total_us};
  for (size_t block = 1; block <= shape.blocks.size(); ++block)
    pace.block_ends_us.push_back(total_us * static_cast<double>(block) / blocks);
  return [pace](const StepWork&) { return pace; };
}

ComputeClock profile_clock(const std::string& device, const ModelShape& shape) {
  const BlockClock clock(find_profile(device).compute, shape);
  return [clock](const StepWork& work) {
    const PassShape pass{work.tokens, work.context_tokens, work.logits};
    return StepPace{clock.before_rows_us(pass), clock.block_ends_us(pass), clock.total_us(pass)};
  };
}

}  // namespace

ComputeChoice::ComputeChoice(std::string compute, Backend backend)
    : compute_(std::move(compute)), backend_(std::move(backend)) {
  const std::vector<std::string> known{"real", "none", "paced:DEVICE", "paced:10ms"};
  if (compute_ != "real" && compute_ != "none" && !compute_.starts_with(kPaced))
    throw UsageError(unknown_name("compute", compute_, known), "--compute");
}

DecoderMemory ComputeChoice::host_memory(const GgufFile& model, const DecoderOptions& options) const {
  return compute_ == "real" && !backend_.device() ? backend_.decoder_memory(model, options) : DecoderMemory{};
}

DecoderMemory ComputeChoice::device_memory(const GgufFile& model, const DecoderOptions& options) const {
  return compute_ == "real" && backend_.device() ? backend_.decoder_memory(model, options) : DecoderMemory{};
}

void ComputeChoice::load(const GgufFile& model, const DecoderOptions& options, SpanRecorder* spans) {
  if (compute_ == "none") {
    steps_ = make_no_compute();
  } else if (compute_ == "real") {
    decoder_ = backend_.make_decoder(model, options);
    steps_ = make_real_compute(*decoder_, spans);
  } else {
    const std::string pace = compute_.substr(kPaced.size());
    const ModelShape shape = shape_of_model(model.paths().front()).shape;
    const auto milliseconds = parse_milliseconds(pace);
    steps_ =
        make_paced_compute(milliseconds ? constant_clock(*milliseconds, shape) : profile_clock(pace, shape), spans);
  }
}

}  // namespace tierscope
