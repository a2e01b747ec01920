#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "experiments/commands/commands.h"
#include "experiments/model_table.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/engine/replay.h"
#include "runtime/gguf/gguf.h"

namespace tierscope {
namespace {

using nlohmann::ordered_json;

std::string cell(const std::optional<double>& value, int digits = 2) {
  return value ? fmt::format("{:.{}f}", *value, digits) : "-";
}

void print_metrics(const RunMetrics& m) {
  fmt::print("{}  ({}, {})\n", m.placement, m.state, m.compute);
  fmt::print("  ttft {} ms  tpot {} ms  prefill {} tokens/s  decode {} tokens/s\n", cell(m.ttft_ms.mean),
             cell(m.tpot_ms.mean, 3), cell(m.prefill_tokens_per_s, 1), cell(m.decode_tokens_per_s, 1));
  fmt::print("  stall per step: prefill {} ms, decode {} ms (p99 {})\n", cell(m.stall_prefill_ms.mean, 3),
             cell(m.stall_decode_ms.mean, 3), cell(m.stall_decode_ms.p99, 3));
  for (const LevelMetrics& level : m.levels)
    fmt::print("  {:<5} {:<14} {:>9} rows {:>9}  hit ratio {:.4f}\n", level.tier, level.policy, level.capacity_rows,
               format_bytes(level.actual_bytes),
               static_cast<double>(level.hits) / static_cast<double>(std::max<uint64_t>(1, level.hits + level.misses)));
  fmt::print("  {:<5} {} rows read, {}\n", m.backing.tier, m.backing.reads, format_bytes(m.backing.bytes));
  if (m.nvme)
    fmt::print("        {} reads, amplification {}, p50 {} us, p99 {} us, by {}\n", m.nvme->reads,
               cell(m.nvme->read_amplification), cell(m.nvme->latency_p50_us, 0), cell(m.nvme->latency_p99_us, 0),
               m.nvme->effective_access);
  fmt::print("  {} requests, {} + {} tokens in {:.2f} s, peak memory {}\n", m.requests, m.prompt_tokens,
             m.output_tokens, m.seconds, format_bytes(m.peak_rss_bytes.value_or(0)));
}

std::unique_ptr<StepCompute> compute_for(const std::string& compute) {
  if (compute == "none") return make_no_compute();
  const std::vector<std::string> known{"none"};
  throw UsageError(unknown_name("compute", compute, known), "--compute");
}

int run(const Arguments& arguments) {
  const auto placements = arguments.all("placement");
  if (placements.empty()) throw UsageError("--placement is missing", "", "e.g. --placement nvme+ram:64MiB:lru");
  const std::string state = arguments.text("state");
  if (state != "cold" && state != "warm") throw UsageError("'" + state + "' is neither cold nor warm", "--state");
  const TokenTrace trace = read_trace(arguments.text("trace"), arguments.number_if("requests").value_or(UINT64_MAX));
  const auto addressing = parse_addressing(arguments.text("addressing"));
  const GgufFile model = GgufFile::open(arguments.text("MODEL"));
  const TableFile table = model_table(model);

  ReplayOptions options;
  options.chunk_tokens = static_cast<uint32_t>(arguments.number("chunk"));
  if (options.chunk_tokens == 0) throw UsageError("a chunk has at least one token", "--chunk");
  options.warm = state == "warm";
  options.seed = arguments.number("seed");
  options.compute = arguments.text("compute");
  options.store.threads =
      static_cast<unsigned>(arguments.number_if("threads").value_or(std::max(1u, std::thread::hardware_concurrency())));
  const auto compute = compute_for(options.compute);

  ordered_json results = ordered_json::array();
  for (const std::string& text : placements) {
    const RunMetrics metrics = replay(table, parse_placement(text), trace, *addressing, *compute, options);
    if (arguments.flag("json"))
      results.push_back(to_json(metrics));
    else
      print_metrics(metrics);
  }
  if (arguments.flag("json")) fmt::print("{}\n", results.dump(1));
  return 0;
}

}  // namespace

Command replay_command() {
  return {"replay",
          "run a trace's tokens through real tiers and measure",
          "Feeds the recorded prompts and outputs of a trace, as they are, through the placement's tiers on this "
          "machine.\nCold: caches start empty and the table's file is out of the page cache; warm: one unmeasured pass "
          "comes first.",
          {{"MODEL", "GGUF file whose table is placed"}},
          {options::trace(),
           options::placement(),
           options::requests(),
           {"compute", "C", "none: rows only", "none", false, 0},
           {"state", "S", "cold or warm", "cold", false, 0},
           {"addressing", "A", "tokens to rows: token or ngram:...", "token", false, 0},
           options::chunk(),
           options::threads(),
           options::seed(),
           options::quiet(),
           options::json()},
          {{"tierscope replay e2b.gguf --trace traces/data/mt_bench.jsonl.zst --placement nvme+ram:64MiB:lru",
            "hits, reads and read latency of a cache of 64 MiB on this machine"}},
          run};
}

}  // namespace tierscope
