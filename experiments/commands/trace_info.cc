#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "experiments/commands/commands.h"
#include "experiments/svg_plot.h"
#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"
#include "traces/addressing.h"
#include "traces/token_trace.h"
#include "traces/trace_statistics.h"

namespace tierscope {
namespace {

using nlohmann::ordered_json;

constexpr size_t kTopRows = 20;

struct TraceContent {
  uint64_t requests = 0, prompt_tokens = 0, output_tokens = 0;
  std::vector<RowId> rows;
};

TraceContent read_content(TraceReader& reader, const Addressing& addressing, const std::string& path) {
  TraceContent content;
  for (Request request; reader.next(request); ++content.requests) {
    content.prompt_tokens += request.prompt_count();
    content.output_tokens += request.token_count() - request.prompt_count();
    append_rows(request, addressing, content.rows);
  }
  if (content.requests == 0) throw Error("the trace has no request", path, "record one first");
  return content;
}

ordered_json top_rows(const StreamStatistics& statistics) {
  ordered_json top = ordered_json::array();
  double covered = 0;
  for (size_t rank = 0; rank < std::min(kTopRows, statistics.by_frequency.size()); ++rank) {
    const auto& [row, accesses] = statistics.by_frequency[rank];
    covered += static_cast<double>(accesses) / static_cast<double>(statistics.accesses);
    top.push_back({{"rank", rank + 1}, {"row", row}, {"accesses", accesses}, {"cumulative_share", covered}});
  }
  return top;
}

ordered_json to_json(const TraceHeader& header, const Addressing& addressing, const TraceContent& content,
                     const StreamStatistics& statistics) {
  ordered_json reuse = ordered_json::array(), working_set = ordered_json::array();
  for (const auto& [distance, accesses] : statistics.reuse)
    reuse.push_back({{"distance_up_to", distance}, {"accesses", accesses}});
  for (const auto& [window, mean_rows] : statistics.working_set)
    working_set.push_back({{"window", window}, {"mean_rows", mean_rows}});
  ordered_json json{{"name", header.name},
                    {"license", header.license},
                    {"tokenizer", header.tokenizer},
                    {"vocab_size", header.vocab_size},
                    {"requests", content.requests},
                    {"prompt_tokens", content.prompt_tokens},
                    {"output_tokens", content.output_tokens},
                    {"addressing", addressing.text()},
                    {"accesses", statistics.accesses},
                    {"unique_rows", statistics.by_frequency.size()},
                    {"top", top_rows(statistics)},
                    {"reuse_distance", reuse},
                    {"working_set", working_set}};
  if (const std::string caveat = addressing_caveat(addressing, header); !caveat.empty()) json["caveat"] = caveat;
  return json;
}

void write_plot(const std::filesystem::path& path, const Plot& plot) {
  AtomicFile file(path);
  file.write(to_svg(plot));
  file.commit();
}

void write_plots(const std::filesystem::path& folder, const std::string& name, const StreamStatistics& statistics) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw Error("cannot create the folder: " + error.message(), folder.string(), "check --plots");
  Plot frequency{name + ": accesses by rank", "rank", "accesses", {}, false};
  for (size_t rank = 1; rank <= statistics.by_frequency.size(); rank += 1 + rank / 50)
    frequency.points.emplace_back(rank, statistics.by_frequency[rank - 1].accesses);
  write_plot(folder / "rank-frequency.svg", frequency);
  Plot reuse{name + ": reuse distance", "distinct rows since the row's last access (up to)", "accesses", {}, true};
  for (const auto& [distance, accesses] : statistics.reuse) reuse.points.emplace_back(distance, accesses);
  write_plot(folder / "reuse-distance.svg", reuse);
  Plot working_set{name + ": working set", "window (accesses)", "mean distinct rows", {}, false};
  for (const auto& [window, mean_rows] : statistics.working_set) working_set.points.emplace_back(window, mean_rows);
  write_plot(folder / "working-set.svg", working_set);
}

void print(const TraceHeader& header, const ordered_json& json) {
  fmt::print("{} ({})\n", header.name, header.license);
  if (!header.description.empty()) fmt::print("{}\n", header.description);
  if (json.contains("caveat")) fmt::print("{}\n", json["caveat"].get<std::string>());
  fmt::print("requests {}  prompt tokens {}  output tokens {}  accesses {}  unique rows {}\n\n",
             json["requests"].get<uint64_t>(), json["prompt_tokens"].get<uint64_t>(),
             json["output_tokens"].get<uint64_t>(), json["accesses"].get<uint64_t>(),
             json["unique_rows"].get<uint64_t>());
  fmt::print("rank       row  accesses  cumulative\n");
  for (const auto& row : json["top"])
    fmt::print("{:>4} {:>9} {:>9}  {:>8.2f} %\n", row["rank"].get<int>(), row["row"].get<RowId>(),
               row["accesses"].get<uint64_t>(), 100 * row["cumulative_share"].get<double>());
  fmt::print("\nreuse distance up to   share of accesses\n");
  const double accesses = json["accesses"].get<double>();
  for (const auto& bucket : json["reuse_distance"])
    fmt::print("{:>20}  {:>17.2f} %\n", bucket["distance_up_to"].get<uint64_t>(),
               100 * bucket["accesses"].get<double>() / accesses);
  fmt::print("{:>20}  {:>17.2f} %\n", "first access", 100 * json["unique_rows"].get<double>() / accesses);
}

int run(const Arguments& arguments) {
  const std::string path = arguments.text("trace");
  const auto addressing = parse_addressing(arguments.text("addressing"));
  TraceReader reader(path);
  const TraceContent content = read_content(reader, *addressing, path);
  const StreamStatistics statistics = stream_statistics(content.rows);
  if (arguments.has("plots")) write_plots(arguments.text("plots"), reader.header().name, statistics);
  const ordered_json json = to_json(reader.header(), *addressing, content, statistics);
  if (arguments.flag("json"))
    fmt::print("{}\n", json.dump(1));
  else
    print(reader.header(), json);
  return 0;
}

}  // namespace

Command trace_info_command() {
  return {"trace info",
          "counts, rank-frequency, reuse distances and working sets of a trace",
          "",
          {},
          {options::trace(),
           {"addressing", "A", "tokens to rows: token or ngram:...", "token", false, 0},
           {"plots", "DIR", "write rank-frequency.svg, reuse-distance.svg and working-set.svg there", "", false, 0},
           options::json()},
          {{"tierscope trace info --trace traces/data/mgsm.jsonl.zst", "what the bundled multilingual trace asks for"}},
          run};
}

}  // namespace tierscope
