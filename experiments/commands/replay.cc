#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "experiments/batching.h"
#include "experiments/commands/commands.h"
#include "experiments/compute_choice.h"
#include "experiments/progress.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/engine/memory_cap.h"
#include "runtime/engine/model_table.h"
#include "runtime/engine/replay.h"
#include "runtime/model/ngram_table.h"
#include "runtime/store/delayed_queue.h"
#include "sim/device_profile.h"
#include "sim/storage_clock.h"

namespace tierscope {
namespace {

using nlohmann::ordered_json;

std::string cell(const std::optional<double>& value, int digits = 2) {
  return value ? fmt::format("{:.{}f}", *value, digits) : "-";
}

void print_metrics(const RunMetrics& m) {
  fmt::print("{}  ({}, compute {})\n", m.placement, m.state, m.compute);
  fmt::print("  ttft {} ms  tpot {} ms  prefill {} tokens/s  decode {} tokens/s\n", cell(m.ttft_ms.mean),
             cell(m.tpot_ms.mean, 3), cell(m.prefill_tokens_per_s, 1), cell(m.decode_tokens_per_s, 1));
  fmt::print("  stall per step: prefill {} ms, decode {} ms (p99 {})\n", cell(m.stall_prefill_ms.mean, 3),
             cell(m.stall_decode_ms.mean, 3), cell(m.stall_decode_ms.p99, 3));
  for (const LevelMetrics& level : m.levels)
    fmt::print("  {:<5} {:<14} {:>9} rows {:>9}  hit ratio {:.4f}\n", level.tier, level.policy, level.capacity_rows,
               format_bytes(level.actual_bytes),
               static_cast<double>(level.hits) / static_cast<double>(std::max<uint64_t>(1, level.hits + level.misses)));
  if (m.vram)
    fmt::print("        {} rows ({}) copied to {} in {:.2f} ms of its time, {:.2f} ms beside kernels\n",
               m.vram->host_to_device_rows, format_bytes(m.vram->host_to_device_bytes), m.vram->device,
               m.vram->host_to_device_seconds * 1e3, m.vram->host_to_device_hidden_seconds * 1e3);
  if (m.compute_device && m.compute_device->unified_memory)
    fmt::print("        its memory is the host's: times say nothing about a discrete device\n");
  fmt::print("  {:<5} {} rows read, {}\n", m.backing.tier, m.backing.reads, format_bytes(m.backing.bytes));
  if (m.nvme)
    fmt::print("        {} reads, amplification {}, p50 {} us, p99 {} us, by {}\n", m.nvme->reads,
               cell(m.nvme->read_amplification), cell(m.nvme->latency_p50_us, 0), cell(m.nvme->latency_p99_us, 0),
               m.nvme->effective_access);
  fmt::print("  {} requests, {} + {} tokens in {:.2f} s, peak memory {}\n", m.requests, m.prompt_tokens,
             m.output_tokens, m.seconds, format_bytes(m.peak_rss_bytes.value_or(0)));
}

// One placement of the command line, with the table that it reads.
struct Candidate {
  Placement placement;
  TableFile table;
};

std::vector<Placement> placements(const Arguments& arguments) {
  if (!arguments.has("placement"))
    throw UsageError("--placement is missing", "", "e.g. --placement nvme+ram:64MiB:lru");
  std::vector<Placement> all;
  for (const std::string& text : arguments.all("placement")) all.push_back(parse_placement(text));
  return all;
}

std::vector<Candidate> candidates(const Arguments& arguments, const GgufFile& model) {
  const std::filesystem::path packed =
      arguments.text_or("packed", default_packed_path(arguments.text("MODEL")).string());
  std::vector<Candidate> all;
  for (const Placement& placement : placements(arguments))
    all.push_back({placement, placed_table(model, placement, packed)});
  return all;
}

DecoderOptions decoder_options(const Arguments& arguments, const TokenTrace& trace, unsigned threads) {
  DecoderOptions options;
  options.threads = threads;
  options.sequences = max_batch(arguments);
  options.max_batch_tokens = std::max(static_cast<uint32_t>(arguments.number("chunk")), options.sequences);
  size_t longest = 1;
  for (const Request& request : trace.requests) longest = std::max(longest, request.token_count());
  options.context_tokens = static_cast<uint32_t>(arguments.number_if("ctx").value_or(longest));
  if (longest > options.context_tokens)
    throw UsageError(fmt::format("the trace has a request of {} tokens", longest), "--ctx", "give at least as many");
  return options;
}

// `table` in units of the placement: a row may lie in several pages.
StoreOptions store_for_steps(const ReplayOptions& options, const TableFile& table) {
  StoreOptions store = options.store;
  store.max_step_rows = options.chunk_tokens;
  if (table.pages) store.max_step_rows *= static_cast<uint32_t>(table.pages->widest_row());
  return store;
}

// Before anything is loaded: whether what a placement needs fits.
void check_budget(uint64_t budget_bytes, const Candidate& candidate, const DecoderMemory& decoder,
                  const ReplayOptions& options) {
  const TableFile table = in_units(candidate.table, candidate.placement.unit);
  const Planner planner(candidate.placement, table.shape(), options.seed);
  const uint64_t tiers = store_memory_bytes(table, candidate.placement, planner, store_for_steps(options, table));
  const uint64_t needed = decoder.weight_bytes + decoder.kv_bytes + decoder.scratch_bytes + tiers;
  if (needed <= budget_bytes) return;
  throw Error(
      fmt::format("the placement needs {} (weights {}, KV {}, scratch {}, tiers and buffers {}), the budget is {}",
                  format_bytes(needed), format_bytes(decoder.weight_bytes), format_bytes(decoder.kv_bytes),
                  format_bytes(decoder.scratch_bytes), format_bytes(tiers), format_bytes(budget_bytes)),
      fmt::format("placement '{}'", to_text(candidate.placement)),
      "use smaller caches, nvme as the backing tier, or a larger --memory-budget");
}

ReplayOptions replay_options(const Arguments& arguments, unsigned threads) {
  const std::string state = arguments.text("state");
  if (state != "cold" && state != "warm") throw UsageError("'" + state + "' is neither cold nor warm", "--state");
  ReplayOptions options;
  options.chunk_tokens = static_cast<uint32_t>(arguments.number("chunk"));
  if (options.chunk_tokens == 0) throw UsageError("a chunk has at least one token", "--chunk");
  options.warm = state == "warm";
  options.seed = arguments.number("seed");
  options.store.threads = threads;
  if (arguments.has("emulate")) {
    const auto clock = std::make_shared<StorageClock>(find_profile(arguments.text("emulate")).nvme, options.seed);
    options.store.decorate =
        emulate_storage([clock](double now_us, uint64_t bytes) { return clock->submit(now_us, bytes); });
  }
  return options;
}

std::string describe(const ReplayProgress& now) {
  std::string text = fmt::format("{:.0f} %", now.share * 100);
  if (now.hits > 0)
    text += fmt::format(", hit ratio {:.3f}", static_cast<double>(now.hits) / static_cast<double>(now.accesses));
  return text + fmt::format(", stall {:.3g} ms a step", now.stall_ms / static_cast<double>(now.steps));
}

void label(RunMetrics& metrics, const Placement& placement, const Arguments& arguments, const ComputeChoice& compute) {
  metrics.backend = compute.backend().text();
  metrics.compute_device = compute.backend().describe();
  metrics.emulated_device = arguments.text_or("emulate", "");
  if (placement.access == AccessMethod::mmap) {
    const auto limit = memory_limit_bytes();
    metrics.page_cache = limit ? fmt::format("memory cap {}", format_bytes_exact(*limit)) : "unbounded page cache";
  }
}

int run(const Arguments& arguments) {
  std::optional<MemoryCap> cap;
  if (const auto bytes = arguments.bytes_if("memory-cap")) cap.emplace(*bytes);
  ComputeChoice compute(arguments.text("compute"), Backend(arguments.text("backend"), placements(arguments)));
  const TokenTrace trace = read_trace(arguments.text("trace"), arguments.number_if("requests").value_or(UINT64_MAX));
  const auto threads =
      static_cast<unsigned>(arguments.number_if("threads").value_or(std::max(1u, std::thread::hardware_concurrency())));
  ReplayOptions options = replay_options(arguments, threads);
  options.compute = compute.text();
  options.store.device = compute.backend().device();
  const DecoderOptions decoder = decoder_options(arguments, trace, threads);
  const GgufFile model = GgufFile::open(arguments.text("MODEL"));
  const auto addressing =
      arguments.has("addressing") ? parse_addressing(arguments.text("addressing")) : file_addressing(model);
  const std::vector<Candidate> all = candidates(arguments, model);
  if (const auto budget = arguments.bytes_if("memory-budget"))
    for (const Candidate& candidate : all)
      check_budget(*budget, candidate, compute.host_memory(model, decoder), options);
  for (const Candidate& candidate : all)
    compute.backend().check_room(compute.device_memory(model, decoder), candidate.table, candidate.placement,
                                 store_for_steps(options, in_units(candidate.table, candidate.placement.unit)));

  if (arguments.has("schedule") && all.size() > 1)
    throw UsageError("the steps of several placements do not fit one schedule", "--schedule", "give one placement");
  std::optional<BatchOptions> batches;
  if (in_batches(arguments, trace))
    batches = batch_options(arguments, [&, one = decoder](uint32_t tokens) mutable {
      one.sequences = 1;
      one.context_tokens = tokens;
      return compute.backend().decoder_memory(model, one).kv_bytes;
    });

  std::optional<SpanRecorder> spans;
  if (arguments.has("trace-out")) spans.emplace();
  options.store.spans = spans ? &*spans : nullptr;
  compute.load(model, decoder, options.store.spans);
  Progress progress(arguments.flag("quiet"));
  ordered_json results = ordered_json::array();
  for (const Candidate& candidate : all) {
    const std::string text = to_text(candidate.placement);
    options.on_progress = [&](const ReplayProgress& now) {
      if (progress.due()) progress.status(text + ": " + describe(now));
    };
    StepSchedule schedule;
    RunMetrics metrics =
        batches ? replay_batches(candidate.table, candidate.placement, trace, *addressing, compute.steps(), options,
                                 *batches, &schedule)
                : replay(candidate.table, candidate.placement, trace, *addressing, compute.steps(), options);
    if (arguments.has("schedule")) write_schedule(arguments.text("schedule"), schedule);
    label(metrics, candidate.placement, arguments, compute);
    const std::string caveat = addressing_caveat(*addressing, trace.header);
    if (!arguments.flag("json")) {
      print_metrics(metrics);
      if (!caveat.empty()) fmt::print("  {}\n", caveat);
      continue;
    }
    results.push_back(to_json(metrics));
    results.back()["addressing"] = addressing->text();
    if (!caveat.empty()) results.back()["caveat"] = caveat;
  }
  if (spans) spans->write(arguments.text("trace-out"));
  if (arguments.flag("json")) fmt::print("{}\n", results.dump(1));
  return 0;
}

}  // namespace

Command replay_command() {
  return {
      "replay",
      "run a trace's tokens through real tiers and measure",
      "Feeds the recorded prompts and outputs of a trace, as they are, through the placement's tiers on this "
      "machine. Requests with an arrival time are waited for.\nCold: caches start empty and the table's file is out of "
      "the page cache; warm: one unmeasured pass "
      "comes first.",
      {{"MODEL", "GGUF file whose table is placed"}},
      {options::trace(),
       options::placement(),
       options::requests(),
       {"compute", "C", "real; none: rows only; paced:DEVICE or paced:10ms: wait as long instead", "real", false, 0},
       options::backend(),
       {"emulate", "DEVICE", "slow reads down to this device profile's storage", "", false, 0},
       {"state", "S", "cold or warm", "cold", false, 0},
       {"addressing", "A", "tokens to rows: token or ngram:... (default: as the model's file says)", "", false, 0},
       {"packed", "FILE", "for layout=packed: the packed table (default: MODEL with the ending .packed)", "", false, 0},
       {"memory-budget", "BYTES", "refuse, before loading, placements that need more memory", "", false, 0},
       {"memory-cap", "BYTES", "run in a memory cgroup of this size, so that the page cache is bounded", "", false, 0},
       {"trace-out", "FILE", "timeline of reads, waits, fills and blocks (Chrome trace JSON, opens in Perfetto)", "",
        false, 0},
       {"ctx", "N", "positions of the KV cache (default: the longest request)", "", false, 0},
       options::max_batch(),
       options::kv_budget(),
       {"schedule", "FILE", "write the steps that formed, for simulate --schedule", "", false, 0},
       options::chunk(),
       options::threads(),
       options::seed(),
       options::quiet(),
       options::json()},
      {{"tierscope replay e2b.gguf --trace traces/data/mt_bench.jsonl.zst --placement nvme+ram:64MiB:lru "
        "--compute none",
        "hits, reads and read latency of a cache of 64 MiB on this machine"},
       {"tierscope replay e2b.gguf --trace traces/data/mt_bench.jsonl.zst --requests 4 --placement "
        "nvme,prefetch=overlap --trace-out timeline.json",
        "four requests through the decoder, with a timeline"}},
      run};
}

}  // namespace tierscope
