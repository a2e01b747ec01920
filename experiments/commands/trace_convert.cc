#include <fmt/format.h>

#include "experiments/commands/commands.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "traces/conversions.h"

namespace tierscope {
namespace {

TraceHeader header_of(const Arguments& arguments) {
  TraceHeader header;
  header.name = arguments.text_or("name", std::filesystem::path(arguments.text("IN")).stem().string());
  header.tokenizer = arguments.text("tokenizer");
  header.license = arguments.text("license");
  header.source = arguments.text_or("source", "");
  const uint64_t vocabulary = arguments.number_if("vocab-size").value_or(0);
  if (vocabulary >= UINT32_MAX) throw UsageError("a vocabulary has fewer than 2^32 - 1 entries", "--vocab-size");
  header.vocab_size = static_cast<uint32_t>(vocabulary);
  return header;
}

int run(const Arguments& arguments) {
  const std::string in = arguments.text("IN"), out = arguments.text("OUT");
  const TraceFormat from = parse_trace_format(arguments.text("from")), to = parse_trace_format(arguments.text("to"));
  if ((from == TraceFormat::trace) == (to == TraceFormat::trace))
    throw UsageError("one side of a conversion is a token trace", "--from, --to", "convert in two steps");
  if (from != TraceFormat::trace) {
    import_trace(in, from, out, header_of(arguments));
    return 0;
  }
  const auto addressing = parse_addressing(arguments.text("addressing"));
  const uint64_t row_bytes = arguments.bytes("row-bytes");
  if (row_bytes == 0 || row_bytes > UINT32_MAX) throw UsageError("a row has 1 to 2^32 - 1 bytes", "--row-bytes");
  export_trace(in, out, to, {addressing.get(), static_cast<uint32_t>(row_bytes)});
  return 0;
}

}  // namespace

Command trace_convert_command() {
  return {
      "trace convert",
      "a token trace to or from plain ids, CSV or libCacheSim's oracleGeneral",
      "Formats: trace (ours), ids (one request a line), csv (one token a line), oracle (the rows that an addressing "
      "names, 24 bytes each). Files that end in .zst are compressed. An oracle file comes back as an access trace: "
      "rows instead of tokens.",
      {{"IN", "the file to read", true}, {"OUT", "the file to write", true}},
      {{"from", "FORMAT", "trace, ids, csv or oracle", "trace", false, 0},
       {"to", "FORMAT", "trace, ids, csv or oracle", "trace", false, 0},
       {"addressing", "A", "to oracle: tokens to rows", "token", false, 0},
       {"row-bytes", "B", "to oracle: the size of every object", "1", false, 0},
       {"name", "NAME", "to trace: its name (default: the file's)", "", false, 0},
       {"vocab-size", "N", "to trace: ids are below it (default: the largest + 1)", "", false, 0},
       {"tokenizer", "TEXT", "to trace: what made the ids", "unknown", false, 0},
       {"license", "TEXT", "to trace: the licence of the data", "unknown", false, 0},
       {"source", "TEXT", "to trace: where the data comes from", "", false, 0}},
      {{"tierscope trace convert traces/data/mt_bench.jsonl.zst mt_bench.oracleGeneral.zst --to oracle",
        "for libCacheSim's cachesim, with object size 1"}},
      run};
}

}  // namespace tierscope
