#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "experiments/commands/commands.h"
#include "runtime/base/error.h"
#include "traces/token_trace.h"

namespace tierscope {
namespace {

int run(const Arguments& arguments) {
  TraceReader reader(arguments.text("trace"));
  uint64_t requests = 0, prompt = 0, output = 0;
  std::unordered_map<TokenId, uint64_t> counts;
  for (Request request; reader.next(request); ++requests) {
    prompt += request.prompt.size();
    output += request.output.size();
    for (const TokenId token : request.prompt) ++counts[token];
    for (const TokenId token : request.output) ++counts[token];
  }
  if (requests == 0) throw Error("the trace has no request", arguments.text("trace"), "record one first");
  std::vector<std::pair<TokenId, uint64_t>> ranked(counts.begin(), counts.end());
  std::ranges::sort(ranked, [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  const double tokens = static_cast<double>(prompt + output);
  nlohmann::ordered_json top = nlohmann::ordered_json::array();
  double covered = 0;
  for (size_t rank = 0; rank < std::min<size_t>(20, ranked.size()); ++rank) {
    covered += static_cast<double>(ranked[rank].second) / tokens;
    top.push_back({{"rank", rank + 1},
                   {"row", ranked[rank].first},
                   {"accesses", ranked[rank].second},
                   {"cumulative_share", covered}});
  }
  const TraceHeader& header = reader.header();
  if (arguments.flag("json")) {
    const nlohmann::ordered_json json{{"name", header.name},
                                      {"license", header.license},
                                      {"tokenizer", header.tokenizer},
                                      {"vocab_size", header.vocab_size},
                                      {"requests", requests},
                                      {"prompt_tokens", prompt},
                                      {"output_tokens", output},
                                      {"unique_rows", counts.size()},
                                      {"top", top}};
    fmt::print("{}\n", json.dump(1));
    return 0;
  }
  fmt::print("{} ({})\n", header.name, header.license);
  if (!header.description.empty()) fmt::print("{}\n", header.description);
  fmt::print("requests {}  prompt tokens {}  output tokens {}  unique rows {} of {} ({:.2f} %)\n\n", requests, prompt,
             output, counts.size(), header.vocab_size, 100.0 * static_cast<double>(counts.size()) / header.vocab_size);
  fmt::print("rank      row  accesses  cumulative\n");
  for (const auto& row : top)
    fmt::print("{:>4} {:>8} {:>9}  {:>8.2f} %\n", row["rank"].get<int>(), row["row"].get<TokenId>(),
               row["accesses"].get<uint64_t>(), 100 * row["cumulative_share"].get<double>());
  return 0;
}

}  // namespace

Command trace_info_command() {
  return {"trace info",
          "counts, unique rows and the top of the rank-frequency curve of a trace",
          "",
          {},
          {options::trace(), options::json()},
          {{"tierscope trace info --trace traces/data/mgsm.jsonl.zst", "what the bundled multilingual trace asks for"}},
          run};
}

}  // namespace tierscope
