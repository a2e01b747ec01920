#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "experiments/batching.h"
#include "experiments/commands/commands.h"
#include "experiments/model_shape.h"
#include "experiments/timed_simulation.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/model/hyperparameters.h"
#include "runtime/model/ngram_table.h"
#include "runtime/placement/step_schedule.h"
#include "sim/count.h"

namespace tierscope {
namespace {

using nlohmann::ordered_json;

// What the rows are and how tokens find them: as a model file says, or as the options do.
struct Table {
  std::unique_ptr<Addressing> addressing;
  std::optional<uint64_t> rows;  // empty: as many as the trace's vocabulary
  uint64_t row_bytes;
  uint64_t offset = 0;  // of row 0 in its file
};

Table table_of_model(const Arguments& arguments) {
  for (const char* option : {"rows", "row-bytes", "addressing"})
    if (arguments.origin(option) == "option")
      throw UsageError(fmt::format("the model says what --{} would", option), "--model", "give one of both");
  if (const auto preset = find_preset_shape(arguments.text("model")))
    return {parse_addressing("token"), preset->table.rows, preset->table.row_bytes, 0};
  const GgufFile file = GgufFile::open(arguments.text("model"));
  const auto table = find_ple_table(file);
  if (!table)
    throw Error("the model has no per-layer embeddings", arguments.text("model"),
                "nothing of it can be placed; use an E-model");
  return {file_addressing(file), table->rows, table->row_bytes, table->offset};
}

Table table_of(const Arguments& arguments) {
  if (arguments.has("model")) return table_of_model(arguments);
  return {parse_addressing(arguments.text("addressing")), arguments.number_if("rows"), arguments.number("row-bytes"),
          0};
}

ordered_json to_json(const std::string& trace, const Placement& placement, const Planner& planner,
                     const TableShape& table, const CountResult& result) {
  ordered_json levels = ordered_json::array();
  for (size_t i = 0; i < planner.level_count(); ++i) {
    const LevelCounts& counts = result.counts.levels[i];
    levels.push_back({{"tier", name(planner.level(i).tier)},
                      {"policy", planner.level(i).policy.name},
                      {"capacity_rows", planner.slots(i)},
                      {"actual_bytes", planner.slots(i) * table.row_bytes},
                      {"hits", counts.hits},
                      {"misses", counts.misses},
                      {"evictions", counts.evictions}});
  }
  return {{"trace", trace},
          {"placement", to_text(placement)},
          {"accesses", result.counts.accesses},
          {"levels", levels},
          {"backing",
           {{"tier", name(placement.backing)},
            {"reads", result.counts.reads},
            {"bytes", result.counts.reads * table.row_bytes}}},
          {"prefetch_reads", result.counts.prefetch_reads},
          {"prefetch_used", result.counts.prefetch_used},
          {"prefetch_wasted", result.counts.prefetch_wasted},
          {"compulsory_misses", result.compulsory_misses},
          {"seconds", result.seconds}};
}

void add_addressing(ordered_json& result, const Addressing& addressing, const TraceHeader& trace) {
  result["addressing"] = addressing.text();
  if (const std::string caveat = addressing_caveat(addressing, trace); !caveat.empty()) result["caveat"] = caveat;
}

AccessStream access_stream(const Arguments& arguments, const TokenTrace& trace, const Addressing& addressing,
                           uint32_t chunk) {
  if (!arguments.has("schedule")) return make_access_stream(trace, addressing, chunk);
  const std::string path = arguments.text("schedule");
  return make_access_stream(trace, addressing, schedule_of(trace, path).steps, path);
}

void print_times(const ordered_json& result) {
  const auto mean = [&](const char* metric) {
    const auto& value = result[metric]["mean"];
    return value.is_null() ? std::string("-") : fmt::format("{:.3f}", value.get<double>());
  };
  fmt::print("  ttft {} ms  tpot {} ms  stall per step: prefill {} ms, decode {} ms  on {}\n", mean("ttft_ms"),
             mean("tpot_ms"), mean("stall_prefill_ms"), mean("stall_decode_ms"), result["device"].get<std::string>());
}

int run(const Arguments& arguments) {
  const auto placements = arguments.all("placement");
  if (placements.empty()) throw UsageError("--placement is missing", "", "e.g. --placement nvme+ram:64MiB:lru");
  const TokenTrace trace = read_trace(arguments.text("trace"), arguments.number_if("requests").value_or(UINT64_MAX));
  const auto [addressing, rows, row_bytes, offset] = table_of(arguments);
  const uint64_t chunk = arguments.number("chunk");
  if (chunk == 0) throw UsageError("a chunk has at least one token", "--chunk");
  const AccessStream stream = access_stream(arguments, trace, *addressing, static_cast<uint32_t>(chunk));
  const TableShape table{rows.value_or(stream.table_rows), row_bytes, stream.rows_per_token};
  std::optional<std::pair<AccessStream, TableShape>> pages;  // made when first needed
  ordered_json results = ordered_json::array();
  if (!arguments.has("device") && (max_batch(arguments) > 1 || arguments.has("kv-budget")))
    throw UsageError("which steps form depends on time", arguments.has("kv-budget") ? "--kv-budget" : "--max-batch",
                     "add --device, or give the --schedule of a replay");
  for (const std::string& text : placements) {
    const Placement placement = parse_placement(text);
    if (arguments.has("device")) {
      results.push_back(timed_simulation(arguments, trace, *addressing, stream, table, placement));
      add_addressing(results.back(), *addressing, trace.header);
      continue;
    }
    const bool by_page = placement.unit == CachingUnit::page;
    if (by_page && !pages) {
      const PageMap map(table.rows, row_bytes, offset, row_bytes);
      pages = {in_pages(stream, map), in_pages(map, stream.rows_per_token)};
    }
    const TableShape& shape = by_page ? pages->second : table;
    Planner planner(placement, shape, arguments.number("seed"));
    results.push_back(to_json(trace.header.name, placement, planner, shape,
                              count_stream(by_page ? pages->first : stream, planner, shape)));
    add_addressing(results.back(), *addressing, trace.header);
  }
  if (arguments.flag("json")) {
    fmt::print("{}\n", results.dump(1));
    return 0;
  }
  for (const auto& result : results) {
    fmt::print("{}{}\n", result["placement"].get<std::string>(),
               result.contains("caveat") ? " (" + result["caveat"].get<std::string>() + ")" : "");
    for (const auto& level : result["levels"]) {
      const uint64_t hits = level["hits"], misses = level["misses"];
      fmt::print("  {:<5} {:<14} {:>9} rows {:>9}  hit ratio {:.4f}\n", level["tier"].get<std::string>(),
                 level["policy"].get<std::string>(), level["capacity_rows"].get<uint64_t>(),
                 format_bytes(level["actual_bytes"]), hits + misses ? double(hits) / double(hits + misses) : 0.0);
    }
    if (result.contains("tpot_ms")) print_times(result);
    fmt::print("  {:<5} {:<14} {:>9} reads {:>8}\n", result["backing"]["tier"].get<std::string>(), "whole table",
               result["backing"]["reads"].get<uint64_t>(), format_bytes(result["backing"]["bytes"]));
  }
  return 0;
}

}  // namespace

Command simulate_command() {
  std::vector<OptionInfo> all{
      options::trace(),
      options::placement(),
      {"model", "M", "a model file, or a preset of synth: its table's rows, their bytes and addressing", "", false, 0},
      {"rows", "N", "rows of the table (default: the trace's vocabulary)", "", false, 0},
      {"row-bytes", "B", "bytes of a row", "9520", false, 0},
      {"addressing", "A", "tokens to rows: token or ngram:...", "token", false, 0},
      {"schedule", "FILE", "the step schedule that a replay wrote; its counts are then reproduced", "", false, 0},
      options::max_batch(),
      options::kv_budget(),
      options::requests(),
      options::chunk(),
      options::seed(),
      options::json()};
  const auto timed = timed_simulation_options();
  all.insert(all.end(), timed.begin(), timed.end());
  return {
      "simulate",
      "count (and, with a device, price) what placements would do for a trace",
      "Runs the planner over a token trace. Without a device it counts hits, misses and reads. With one, requests "
      "that have arrival times arrive and share steps as in a replay: TTFT includes the queue, and which steps form, "
      "and so the counts, are predictions.",
      {},
      all,
      {{"tierscope simulate --trace traces/data/mt_bench.jsonl.zst --placement nvme+ram:64MiB:lru",
        "hits and reads of an LRU cache of 64 MiB over Gemma 4 E2B's table (Q8_0)"}},
      run};
}

}  // namespace tierscope
