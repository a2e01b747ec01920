#include <fmt/format.h>

#include "experiments/commands/commands.h"
#include "traces/addressing.h"
#include "traces/token_trace.h"

namespace tierscope {
namespace {

int run(const Arguments& arguments) {
  const auto addressing = parse_addressing(arguments.text("addressing"));
  TraceReader reader(arguments.text("trace"));
  std::vector<RowId> rows;
  for (Request request; reader.next(request);) {
    std::vector<TokenId> tokens = request.prompt;
    tokens.insert(tokens.end(), request.output.begin(), request.output.end());
    rows.clear();
    addressing->rows({}, tokens, rows);
    const size_t width = addressing->rows_per_token();
    for (size_t i = 0; i < rows.size(); i += width)
      fmt::print("[{}]\n", fmt::join(rows.begin() + static_cast<std::ptrdiff_t>(i),
                                     rows.begin() + static_cast<std::ptrdiff_t>(i + width), ","));
  }
  return 0;
}

}  // namespace

Command trace_rows_command() {
  return {"trace rows",
          "the access stream of a trace: one JSON array of row ids a token",
          "",
          {},
          {options::trace(), {"addressing", "A", "tokens to rows: token or ngram:...", "token", false, 0}},
          {{"tierscope trace rows --trace traces/data/mt_bench.jsonl.zst", "one row a token, as Gemma reads them"}},
          run};
}

}  // namespace tierscope
