#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "experiments/commands/commands.h"
#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/placement/page_unit.h"
#include "runtime/placement/policy.h"
#include "sim/curve_plot.h"
#include "sim/miss_ratio_curve.h"

namespace tierscope {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view kMinimum = "belady-bypass";

std::vector<std::string> chosen_policies(const Arguments& arguments) {
  std::vector<std::string> chosen = arguments.all("policy");
  if (!chosen.empty() && chosen != std::vector<std::string>{"all"}) return chosen;
  chosen.clear();
  // pin-frequency needs a hot set, and rows that are pinned cannot be seen in a sample.
  for (const PolicyInfo& policy : policies())
    if (!policy.pins || (policy.name == "pin-rank" && !arguments.has("sampled"))) chosen.push_back(policy.name);
  return chosen;
}

// What the curves' caches hold: rows, or pages of rows (their size is then known, and must be).
struct Unit {
  bool page = false;
  std::optional<uint64_t> bytes;  // empty: rows of unknown size
};

Unit chosen_unit(const Arguments& arguments) {
  const std::string unit = arguments.text("unit");
  const auto row_bytes = arguments.number_if("row-bytes");
  if (row_bytes && *row_bytes == 0) throw UsageError("a row has at least one byte", "--row-bytes");
  if (unit == name(CachingUnit::row)) return {false, row_bytes};
  if (unit != name(CachingUnit::page))
    throw UsageError(unknown_name("unit", unit, std::vector<std::string>{"row", "page"}), "--unit");
  if (!row_bytes)
    throw UsageError("which rows share a page depends on their size", "--unit page", "add --row-bytes, e.g. 170");
  return {true, kPageBytes};
}

std::vector<uint64_t> chosen_capacities(const Arguments& arguments, const AccessStream& stream, uint64_t table_rows,
                                        const Unit& unit) {
  if (!arguments.has("capacities")) {
    const uint64_t points = arguments.number("points");
    if (points == 0 || points > 1'000'000) throw UsageError("a curve has 1 to 1000000 points", "--points");
    return capacity_grid(stream, table_rows, static_cast<uint32_t>(points));
  }
  std::vector<uint64_t> capacities;
  for (const std::string& word : split(arguments.text("capacities"), ',')) {
    auto rows = parse_unsigned(word);
    if (const auto bytes = parse_bytes(word); !rows && bytes && unit.bytes) rows = *bytes / *unit.bytes;
    if (!rows)
      throw UsageError(fmt::format("'{}' is not a number of rows{}", word,
                                   unit.bytes ? " or a size" : ", and for a size --row-bytes is missing"),
                       "--capacities", "write 64,256,1024 or 16MiB,64MiB");
    // A cache larger than the table is one as large as the table.
    capacities.push_back(unit.bytes ? std::min(*rows, table_rows) : *rows);
  }
  std::ranges::sort(capacities);
  capacities.erase(std::ranges::unique(capacities).begin(), capacities.end());
  return capacities;
}

std::string to_csv(const std::vector<CurvePoint>& points) {
  std::string csv = "policy,capacity_rows,miss_ratio,standard_error\n";
  for (const CurvePoint& point : points)
    csv += fmt::format("{},{},{:.6f},{}\n", point.policy, point.capacity_rows, point.miss_ratio,
                       point.standard_error ? fmt::format("{:.6f}", *point.standard_error) : "");
  return csv;
}

ordered_json to_json(const Curves& curves, const Unit& unit) {
  ordered_json list = ordered_json::array();
  for (const CurvePoint& point : curves.points) {
    list.push_back(
        {{"policy", point.policy}, {"capacity_rows", point.capacity_rows}, {"miss_ratio", point.miss_ratio}});
    if (unit.bytes) list.back()["capacity_bytes"] = point.capacity_rows * *unit.bytes;
    list.back()["compulsory_miss_ratio"] = curves.compulsory_miss_ratio();
    if (point.standard_error) list.back()["standard_error"] = *point.standard_error;
  }
  return list;
}

void print_table(const Curves& curves, const std::vector<uint64_t>& capacities, size_t policy_count,
                 const std::string& unit) {
  fmt::print("{:<24}", "miss ratio at " + unit + "s");
  for (const uint64_t capacity : capacities) fmt::print(" {:>7}", capacity);
  for (size_t p = 0; p < policy_count; ++p) {
    fmt::print("\n{:<24}", curves.points[p * capacities.size()].policy);
    for (size_t c = 0; c < capacities.size(); ++c)
      fmt::print(" {:>7.4f}", curves.points[p * capacities.size() + c].miss_ratio);
  }
  fmt::print("\ncompulsory bound {:.4f}: {} distinct {}s in {} accesses\n", curves.compulsory_miss_ratio(),
             curves.distinct_rows, unit, curves.accesses);
}

void write_file(const std::string& path, const std::string& text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

int run(const Arguments& arguments) {
  const TokenTrace trace = read_trace(arguments.text("trace"), arguments.number_if("requests").value_or(UINT64_MAX));
  const auto addressing = parse_addressing(arguments.text("addressing"));
  constexpr uint32_t kChunkTokens = 512;  // a policy does not see chunks, so any number gives the same curves
  AccessStream stream = make_access_stream(trace, *addressing, kChunkTokens);
  uint64_t table_rows = arguments.number_if("rows").value_or(stream.table_rows);
  const Unit unit = chosen_unit(arguments);
  if (unit.page) {
    const uint64_t row_bytes = arguments.number("row-bytes");
    const PageMap map(table_rows, row_bytes, 0, row_bytes);
    stream = in_pages(stream, map);
    table_rows = map.pages();
  }
  CurveRequest request;
  request.policies = chosen_policies(arguments);
  request.capacities = chosen_capacities(arguments, stream, table_rows, unit);
  if (arguments.has("sampled")) request.sampled = arguments.real("sampled");
  request.threads = static_cast<unsigned>(
      std::clamp<uint64_t>(arguments.number_if("threads").value_or(std::thread::hardware_concurrency()), 1, 1024));
  request.seed = arguments.number("seed");
  const size_t wanted = request.policies.size();
  const bool adds_minimum =
      arguments.has("plot") && std::ranges::find(request.policies, kMinimum) == request.policies.end();
  if (adds_minimum) request.policies.emplace_back(kMinimum);
  Curves curves = miss_ratio_curves(stream, table_rows, request);
  if (arguments.has("plot"))
    write_file(arguments.text("plot"), plot_curves(curves, "Miss ratios of " + trace.header.name, kMinimum));
  curves.points.resize(wanted * request.capacities.size());
  if (arguments.has("csv")) write_file(arguments.text("csv"), to_csv(curves.points));
  if (request.sampled < 1 && curves.sampled_rows < kTrustedSampleRows) {
    double widest = 0;
    for (const CurvePoint& point : curves.points) widest = std::max(widest, point.standard_error.value_or(0));
    fmt::print(stderr, "only {} rows are in the sample: miss ratios are +- {:.4f} (two standard errors) or better\n",
               curves.sampled_rows, 2 * widest);
  }
  if (arguments.flag("json"))
    fmt::print("{}\n", to_json(curves, unit).dump());
  else
    print_table(curves, request.capacities, wanted, unit.page ? "page" : "row");
  if (const std::string caveat = addressing_caveat(*addressing, trace.header); !caveat.empty())
    fmt::print(stderr, "{}\n", caveat);
  return 0;
}

}  // namespace

Command mrc_command() {
  return {
      "mrc",
      "miss-ratio curves of policies over a trace, exact or sampled",
      "One cache over the whole table. lru is exact at every capacity in one pass; other policies run once for each\n"
      "capacity, in parallel. --sampled R looks at that share of the rows only (SHARDS, mini-simulation).",
      {},
      {options::trace(),
       {"policy", "NAME", "a policy with its parameters, or 'all' (default: all that need no hot set)", "", true, 0},
       {"capacities", "LIST", "capacities in rows, or sizes with --row-bytes: 64,256 or 16MiB,1GiB (default: a grid)",
        "", false, 0},
       {"points", "N", "capacities of the grid, up to all rows that the trace uses", "12", false, 0},
       {"sampled", "R", "simulate this share of the rows, e.g. 0.1", "", false, 0},
       {"rows", "N", "rows of the table (default: the addressing's, or the trace's vocabulary)", "", false, 0},
       {"addressing", "A", "tokens to rows: token or ngram:...", "token", false, 0},
       {"unit", "U", "what caches hold: row, or page (4 KiB of rows)", "row", false, 0},
       {"row-bytes", "B", "bytes of a row, for --unit page and for capacities in bytes", "", false, 0},
       {"csv", "FILE", "write the curves there too", "", false, 0},
       {"plot", "FILE.svg", "draw the curves, with MIN and the compulsory bound", "", false, 0},
       options::requests(),
       options::threads(),
       options::seed(),
       options::json()},
      {{"tierscope mrc --trace traces/data/mgsm.jsonl.zst --policy lru --policy s3fifo --plot mgsm.svg",
        "two policies against the bounds"}},
      run};
}

}  // namespace tierscope
