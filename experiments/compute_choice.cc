#include "experiments/compute_choice.h"

#include <vector>

#include "experiments/compute_pace.h"
#include "experiments/model_shape.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "sim/block_clock.h"

namespace tierscope {
namespace {

ComputeClock clock_of(const ComputeProfile& profile, const ModelShape& shape) {
  const BlockClock clock(profile, shape);
  return [clock](const StepWork& work) {
    const PassShape pass{work.tokens, work.context_tokens, work.logits};
    return StepPace{clock.before_rows_us(pass), clock.block_ends_us(pass), clock.total_us(pass)};
  };
}

}  // namespace

ComputeChoice::ComputeChoice(std::string compute, Backend backend)
    : compute_(std::move(compute)), backend_(std::move(backend)) {
  const std::vector<std::string> known{"real", "none", "paced:DEVICE", "paced:10ms"};
  if (compute_ != "real" && compute_ != "none" && pace_of(compute_).empty())
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
    const ModelShape shape = shape_of_model(model.paths().front()).shape;
    steps_ = make_paced_compute(clock_of(find_pace(pace_of(compute_), shape), shape), spans);
  }
}

}  // namespace tierscope
