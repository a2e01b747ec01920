#include <fmt/format.h>

#include "experiments/commands/commands.h"
#include "runtime/base/text.h"
#include "runtime/placement/hot_set.h"
#include "runtime/placement/request_steps.h"

namespace tierscope {
namespace {

int run(const Arguments& arguments) {
  const TokenTrace trace = read_trace(arguments.text("trace"), arguments.number_if("requests").value_or(UINT64_MAX));
  const auto addressing = parse_addressing(arguments.text("addressing"));
  const AccessStream stream = make_access_stream(trace, *addressing, 1);
  HotSet hot = learn_hot_set(stream.rows, stream.table_rows);
  hot.trace = trace.header.name;
  hot.tokenizer = trace.header.tokenizer;
  hot.addressing = addressing->text();
  const size_t learnt = hot.rows.size();
  if (const auto most = arguments.number_if("rows")) hot.rows.resize(std::min<size_t>(learnt, *most));
  write_hot_set(arguments.text("out"), hot);
  uint64_t covered = 0;
  for (const HotRow& row : hot.rows) covered += row.count;
  fmt::print("{}: {} of {} rows, {:.1f} % of {} accesses\n", arguments.text("out"), hot.rows.size(), learnt,
             100.0 * static_cast<double>(covered) / static_cast<double>(hot.accesses), hot.accesses);
  return 0;
}

}  // namespace

Command learn_command() {
  return {"learn",
          "rank a trace's rows by frequency and save them as a hot set",
          "A hot set is what the policy pin-frequency and the parameter pin= preload.",
          {},
          {options::trace(),
           {"out", "HOT", "the hot set's file", "", false, 0},
           {"rows", "N", "keep only the N most frequent rows", "", false, 0},
           {"addressing", "A", "tokens to rows: token or ngram:...", "token", false, 0},
           options::requests()},
          {{"tierscope learn --trace traces/data/mgsm.jsonl.zst --out mgsm.hot",
            "then: simulate --placement nvme+ram:16MiB:pin-frequency:from=mgsm.hot"}},
          run};
}

}  // namespace tierscope
