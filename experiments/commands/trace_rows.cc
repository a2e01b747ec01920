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
    rows.clear();
    append_rows(request, *addressing, rows);
    size_t at = 0;
    for (size_t token = 0; token < request.token_count(); ++token) {
      const size_t width = request.rows.empty() ? addressing->rows_per_token() : request.rows[token].size();
      fmt::print("[{}]\n", fmt::join(std::span(rows).subspan(at, width), ","));
      at += width;
    }
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
