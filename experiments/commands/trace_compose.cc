#include <fmt/format.h>

#include "experiments/commands/commands.h"
#include "runtime/base/error.h"
#include "traces/arrivals.h"

namespace tierscope {
namespace {

int run(const Arguments& arguments) {
  const TokenTrace trace = read_trace(arguments.text("trace"));
  const std::filesystem::path arrivals_path = arguments.text("arrivals");
  const auto arrivals = read_arrivals(arrivals_path, arguments.number_if("requests").value_or(UINT64_MAX));
  const uint64_t context = arguments.number_if("ctx").value_or(0);
  if (context > UINT32_MAX) throw UsageError("a context has fewer than 2^32 tokens", "--ctx");
  TokenTrace composed = compose(trace, arrivals, {arguments.real("speed"), static_cast<uint32_t>(context)});
  const std::string arrivals_name = arrivals_path.filename().string();
  composed.header.name = arguments.text_or(
      "name", fmt::format("{}+{}", trace.header.name, arrivals_name.substr(0, arrivals_name.find('.'))));
  composed.header.source = fmt::format("{}; arrivals and lengths: {}", trace.header.source, arrivals_name);
  composed.header.license = fmt::format("{}; arrivals: {}", trace.header.license, arguments.text("arrivals-license"));
  write_trace(arguments.text("OUT"), std::move(composed));
  return 0;
}

}  // namespace

Command trace_compose_command() {
  return {
      "trace compose",
      "give a token trace's requests the arrival times and lengths of an arrival trace",
      "Each arrival becomes a request of exactly its prompt and output length, made of the token trace's requests in "
      "turn, joined and cut; the new header says so.",
      {{"OUT", "the trace to write; .zst compresses", true}},
      {options::trace(),
       {"arrivals", "CSV", "TIMESTAMP, ContextTokens, GeneratedTokens; optionally zstd", "", false, 0},
       {"requests", "N", "only the first N arrivals", "", false, 0},
       {"speed", "X", "arrivals come X times as fast", "1", false, 0},
       {"ctx", "N", "cut requests to N tokens, prompts first", "", false, 0},
       {"name", "NAME", "the new trace's name", "", false, 0},
       {"arrivals-license", "TEXT", "licence of the arrival trace", "CC-BY-4.0", false, 0}},
      {{"tierscope trace compose chat.jsonl.zst --trace traces/data/mt_bench.jsonl.zst --arrivals "
        "traces/data/arrivals/azure_2023_conv.csv.zst --requests 200 --ctx 4096",
        "MT-bench's tokens at the times and lengths of Azure's chat service"}},
      run};
}

}  // namespace tierscope
