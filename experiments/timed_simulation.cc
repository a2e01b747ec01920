#include "experiments/timed_simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include "experiments/batching.h"
#include "experiments/compute_pace.h"
#include "experiments/model_shape.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/metrics/spans.h"
#include "sim/timing.h"

namespace tierscope {
namespace {

using nlohmann::ordered_json;

ordered_json to_json(const StepTiming& step) {
  return {{"request", step.request},           {"phase", step.prefill ? "prefill" : "decode"},
          {"accesses", step.accesses},         {"reads", step.reads},
          {"read_bytes", step.read_bytes},     {"begin_us", step.begin_us},
          {"requested_us", step.requested_us}, {"served_us", step.served_us},
          {"uploaded_us", step.uploaded_us},   {"needed_us", step.needed_us},
          {"stall_us", step.stall_us},         {"end_us", step.end_us}};
}

// The modelled steps on a timeline, under the names that a replay's have.
class StepSpans {
 public:
  StepSpans() : origin_(SpanRecorder::Clock::now()), steps_(spans_.track("steps")), reads_(spans_.track("reads")) {}

  void add(const StepTiming& step) {
    if (step.reads > 0) spans_.add(reads_, "read", at(step.requested_us), at(step.served_us), "rows", step.reads);
    spans_.add(steps_, step.prefill ? "prefill" : "decode", at(step.begin_us), at(step.end_us), "rows", step.accesses);
    if (step.stall_us > 0)
      spans_.add(steps_, "wait for rows", at(step.needed_us), at(step.needed_us + step.stall_us), "reads", step.reads);
  }
  void write(const std::string& path) const { spans_.write(path); }

 private:
  SpanRecorder::Clock::time_point at(double us) const {
    return origin_ +
           std::chrono::duration_cast<SpanRecorder::Clock::duration>(std::chrono::duration<double, std::micro>(us));
  }

  SpanRecorder spans_;
  const SpanRecorder::Clock::time_point origin_;
  const uint32_t steps_, reads_;
};

bool one_of(const Arguments& arguments, std::string_view option, const std::vector<std::string>& known) {
  const std::string value = arguments.text(option);
  if (std::ranges::find(known, value) == known.end())
    throw UsageError(unknown_name(option, value, known), fmt::format("--{}", option));
  return value == known.front();
}

// Bytes that a sequence of so many tokens keeps, as the CPU decoder would.
std::function<uint64_t(uint32_t)> kv_bytes_of(const Arguments& arguments) {
  if (!arguments.has("kv-budget")) return nullptr;
  if (!arguments.has("model") || find_preset_shape(arguments.text("model")))
    throw UsageError("only a model file says what a sequence keeps", "--kv-budget",
                     "give one with --model; see: tierscope synth");
  return [file = std::make_shared<GgufFile>(GgufFile::open(arguments.text("model")))](uint32_t tokens) {
    DecoderOptions one;
    one.context_tokens = tokens;
    return cpu_decoder_memory(*file, one).kv_bytes;
  };
}

TimedRun time_in_batches(const Arguments& arguments, const TokenTrace& trace, const Addressing& addressing,
                         const DeviceProfile& device, const ShapedModel& model, const Placement& placement,
                         const TimingOptions& options, const std::function<void(const StepTiming&)>& on_step) {
  ArrivingRequests requests{trace, addressing, batch_options(arguments, kv_bytes_of(arguments)),
                            static_cast<uint32_t>(arguments.number("chunk")), nullptr};
  StepSchedule schedule;
  if (arguments.has("schedule")) {
    schedule = schedule_of(trace, arguments.text("schedule"));
    for (const BatchStep& step : schedule.steps)
      requests.batches.sequences = std::max(requests.batches.sequences, static_cast<uint32_t>(step.parts.size()));
    requests.steps = &schedule.steps;
  }
  return time_arrivals(device, model.shape, model.table, placement, requests, options, on_step);
}

}  // namespace

std::vector<OptionInfo> timed_simulation_options() {
  return {
      {"device", "D", "also predict times: a profile's name or file (see: tierscope devices)", "", false, 0},
      {"compute", "C", "real: as the device computes; none: rows only; paced:DEVICE or paced:10ms: as that one does",
       "real", false, 0},
      {"emulate", "DEVICE", "with this profile's storage, as `replay --emulate` does", "", false, 0},
      {"state", "S", "cold, or warm: after one unmeasured pass", "cold", false, 0},
      {"trace-out", "FILE", "with --device: a timeline of the last placement's steps (Chrome trace JSON)", "", false,
       0},
      {"per-step", "", "with --device and --json: every step's times", "", false, 0}};
}

StepSchedule schedule_of(const TokenTrace& trace, const std::string& path) {
  StepSchedule schedule = read_schedule(path);
  if (schedule.trace != trace.header.name)
    throw UsageError(
        fmt::format("the schedule was written for trace '{}', not '{}'", schedule.trace, trace.header.name), path,
        "replay this trace first");
  return schedule;
}

ordered_json timed_simulation(const Arguments& arguments, const TokenTrace& trace, const Addressing& addressing,
                              const AccessStream& stream, const TableShape& table, const Placement& placement) {
  DeviceProfile device = find_profile(arguments.text("device"));
  ShapedModel model{{}, direct_layout(table.rows, table.row_bytes, 0)};
  if (arguments.has("model")) model = find_model_shape(arguments.text("model"));
  const std::string compute = arguments.text("compute");
  TimingOptions options;
  options.warm = !one_of(arguments, "state", {"cold", "warm"});
  options.computes = !model.shape.blocks.empty() && compute != "none";
  options.seed = arguments.number("seed");
  if (arguments.has("emulate")) {
    // The device's storage; what the program itself spends on a read stays this machine's.
    const Figure cpu = device.nvme.cpu_us_per_read;
    device.nvme = find_profile(arguments.text("emulate")).nvme;
    device.nvme.cpu_us_per_read = cpu;
  }
  if (const std::string_view pace = pace_of(compute); !pace.empty()) {
    // Its pace alone: rows stay in this machine's memory.
    device.compute = find_pace(pace, model.shape);
    device.compute.on_device = false;
  } else {
    one_of(arguments, "compute", {"real", "none", "paced:DEVICE", "paced:10ms"});
  }
  ordered_json steps = ordered_json::array();
  std::function<void(const StepTiming&)> on_step;
  std::optional<StepSpans> spans;
  if (arguments.has("trace-out")) spans.emplace();
  const bool per_step = arguments.flag("per-step");
  if (per_step || spans)
    on_step = [&](const StepTiming& step) {
      if (per_step) steps.push_back(to_json(step));
      if (spans) spans->add(step);
    };
  TimedRun run = in_batches(arguments, trace)
                     ? time_in_batches(arguments, trace, addressing, device, model, placement, options, on_step)
                     : time_placement(device, model.shape, model.table, placement, stream, options, on_step);
  run.metrics.trace = trace.header.name;
  if (options.computes) run.metrics.compute = compute;
  run.metrics.emulated_device = arguments.text_or("emulate", "");
  run.metrics.chunk_tokens = static_cast<uint32_t>(arguments.number("chunk"));
  ordered_json json = tierscope::to_json(run.metrics);
  json["device"] = device.name;
  json["simulated_accesses_per_s"] = run.simulated_accesses_per_s;
  if (per_step) json["per_step"] = steps;
  if (spans) spans->write(arguments.text("trace-out"));
  return json;
}

}  // namespace tierscope
