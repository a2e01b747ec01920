#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "experiments/commands/commands.h"
#include "experiments/model_shape.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "sim/tuner.h"

namespace tierscope {
namespace {

using nlohmann::ordered_json;

ordered_json to_json(const PricedPlacement& priced) {
  return {{"placement", to_text(priced.placement)},
          {"memory_bytes", priced.memory_bytes},
          {"ttft_ms", priced.ttft_ms},
          {"tpot_ms", priced.tpot_ms},
          {"itl_p99_ms", priced.p99_ms},
          {"at_hand_ratio", priced.at_hand_ratio},
          {"fits", priced.fits}};
}

ordered_json to_json(const std::vector<PricedPlacement>& all) {
  ordered_json json = ordered_json::array();
  for (const PricedPlacement& priced : all) json.push_back(to_json(priced));
  return json;
}

void print_row(const char* label, const PricedPlacement& p) {
  fmt::print("{:<12} {:>9} {:>9.2f} {:>9.3f} {:>9.3f} {:>7.4f}  {}{}\n", label, format_bytes(p.memory_bytes), p.ttft_ms,
             p.tpot_ms, p.p99_ms, p.at_hand_ratio, to_text(p.placement), p.fits ? "" : "  (does not fit)");
}

void print(const Tuning& tuning) {
  fmt::print("{}\n\n", to_text(tuning.chosen.placement));
  fmt::print("{:<12} {:>9} {:>9} {:>9} {:>9} {:>7}\n", "", "memory", "ttft ms", "tpot ms", "p99 ms", "at hand");
  print_row("chosen", tuning.chosen);
  print_row("all fast", tuning.fast);
  print_row("no cache", tuning.nothing);
  for (const PricedPlacement& p : tuning.front) print_row("front", p);
  for (const PricedPlacement& p : tuning.sensitivity) print_row("instead", p);
}

std::vector<CachingUnit> chosen_units(const Arguments& arguments) {
  const std::string unit = arguments.text("unit");
  if (unit == "both") return {CachingUnit::row, CachingUnit::page};
  for (const CachingUnit known : {CachingUnit::row, CachingUnit::page})
    if (unit == name(known)) return {known};
  throw UsageError(unknown_name("unit", unit, std::vector<std::string>{"row", "page", "both"}), "--unit");
}

int run(const Arguments& arguments) {
  const auto begin = std::chrono::steady_clock::now();
  const DeviceProfile device = find_profile(arguments.text("device"));
  const ShapedModel model = find_model_shape(arguments.text("model"));
  const Objective objective = parse_objective(arguments.text("objective"));
  const TokenTrace trace = read_trace(arguments.text("trace"), arguments.number_if("requests").value_or(UINT64_MAX));
  const uint64_t chunk = arguments.number("chunk");
  if (chunk == 0) throw UsageError("a chunk has at least one token", "--chunk");
  const AccessStream stream =
      make_access_stream(trace, *addressing_of_model(arguments.text("model")), static_cast<uint32_t>(chunk));
  TuneOptions options;
  options.units = chosen_units(arguments);
  options.timing.computes = !model.shape.blocks.empty();
  options.policies = arguments.all("policy");
  if (options.policies.empty()) options.policies = {"s3fifo", "lru", "wtinylfu"};
  for (const std::string& policy : options.policies)
    if (find_policy({policy, {}}).offline)
      throw UsageError(fmt::format("'{}' knows the future and cannot be deployed", policy), "--policy");
  options.exhaustive = arguments.flag("exhaustive");
  options.timing.seed = arguments.number("seed");
  options.threads =
      static_cast<unsigned>(arguments.number_if("threads").value_or(std::max(1u, std::thread::hardware_concurrency())));
  const Tuning tuning = tune(device, model.shape, model.table, stream, objective, options);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (!arguments.flag("json")) {
    print(tuning);
    fmt::print("\n{} of {} candidates priced in {:.1f} s\n", tuning.priced, tuning.candidates, seconds);
    return 0;
  }
  const ordered_json json{{"device", device.name},
                          {"model", model.shape.name},
                          {"trace", trace.header.name},
                          {"objective", to_text(objective)},
                          {"placement", to_text(tuning.chosen.placement)},
                          {"chosen", to_json(tuning.chosen)},
                          {"all_fast", to_json(tuning.fast)},
                          {"no_cache", to_json(tuning.nothing)},
                          {"front", to_json(tuning.front)},
                          {"sensitivity", to_json(tuning.sensitivity)},
                          {"candidates", tuning.candidates},
                          {"priced", tuning.priced},
                          {"seconds", seconds}};
  fmt::print("{}\n", json.dump(1));
  return 0;
}

}  // namespace

Command tune_command() {
  return {
      "tune",
      "find the placement that suits a device, a model and a trace",
      "Thins candidates out by their miss ratios, prices the rest with the timing model, and prints the placement to "
      "use, the memory-latency front, what changing one thing would do, everything in fast memory and nothing "
      "cached.\nObjectives: memory:tpot=5% and memory:ttft=5% (least memory with at most 5 % more than everything in "
      "fast memory), memory:p99=80ms, latency:memory=64MiB (least latency within the memory).",
      {},
      {{"device", "D", "a profile's name or file (see: tierscope devices)", "", false, 0},
       {"model", "M", "a GGUF file, or a preset of synth such as gemma4-e2b", "", false, 0},
       options::trace(),
       {"objective", "O", "what to reach", "memory:tpot=5%", false, 0},
       {"policy", "NAME", "eviction policies to try (default: s3fifo, lru, wtinylfu)", "", true, 0},
       {"unit", "U", "what caches may hold: row, page or both", "row", false, 0},
       {"exhaustive", "", "price every candidate and prefetch; to judge the thinning", "", false, 0},
       options::requests(),
       options::chunk(),
       options::threads(),
       options::seed(),
       options::json()},
      {{"tierscope tune --device phone-ufs4 --model gemma4-e2b --trace traces/data/mt_bench.jsonl.zst",
        "how little memory the table needs on a phone"}},
      run};
}

}  // namespace tierscope
