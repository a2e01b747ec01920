#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "experiments/commands/commands.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/model/synthetic.h"

namespace tierscope {
namespace {

constexpr uint32_t kRowValues = 160;

// The preset's own geometry where the table may be as large, else heads scaled so that their rows fill `table_bytes`.
NgramGeometry geometry_of(uint64_t table_bytes, uint64_t bytes_of_row, NgramChanges changes) {
  const NgramGeometry full = ngram_preset("qwen4-exp", changes);
  if (table_bytes >= full.table_rows * bytes_of_row) return full;
  changes.head_rows = table_bytes / bytes_of_row / full.rows_per_token();
  if (changes.head_rows < 2)
    throw UsageError(fmt::format("{} bytes do not hold two rows of {} for each of {} heads", table_bytes, bytes_of_row,
                                 full.rows_per_token()),
                     "--table-bytes", "write more");
  return ngram_preset("qwen4-exp", changes);
}

int run(const Arguments& arguments) {
  const DTypeInfo& type = dtype_by_name(arguments.text("ple"));
  if (kRowValues % type.block_values != 0)
    throw UsageError(fmt::format("{} comes in blocks of {} values, which rows of {} do not fill", type.name,
                                 type.block_values, kRowValues),
                     "--ple", "choose Q8_0, Q4_0, F16, BF16 or F32");
  NgramChanges changes;
  changes.vocab = static_cast<uint32_t>(std::min<uint64_t>(arguments.number_if("vocab").value_or(0), UINT32_MAX));
  if (const auto eos = arguments.number_if("eos")) changes.boundary = static_cast<int64_t>(*eos);
  const NgramGeometry geometry =
      geometry_of(arguments.bytes("table-bytes"), row_bytes(type, kRowValues), std::move(changes));
  const std::string path = arguments.text("OUT.gguf");
  const uint64_t bytes =
      write_synthetic_ngram(geometry, kRowValues, type.type, arguments.number("seed"), thread_count(arguments), path);
  if (arguments.flag("json"))
    fmt::print("{}\n", nlohmann::ordered_json{{"path", path},
                                              {"bytes", bytes},
                                              {"rows", geometry.table_rows},
                                              {"rows_per_token", geometry.rows_per_token()},
                                              {"addressing", geometry.text},
                                              {"caveat", geometry.caveat}}
                           .dump(1));
  else
    fmt::print("{}: {}, {} rows, {} a token, addressed by {}{}\n", path, format_bytes(bytes), geometry.table_rows,
               geometry.rows_per_token(), geometry.text, geometry.caveat.empty() ? "" : " (" + geometry.caveat + ")");
  return 0;
}

}  // namespace

Command synth_ngram_command() {
  return {"synth ngram",
          "write an n-gram PLE table of any size with the true addressing",
          "Writes a GGUF file with Qwen4-Exp's hashed table alone: its keys, and random rows of 160 values. Where the\n"
          "table is smaller than the model's own, its heads are scaled, and the file and every result say so.",
          {{"OUT.gguf", "the file to write", true}},
          {{"table-bytes", "N", "about how large the table is, e.g. 8GiB", "1GiB", false, 0},
           {"ple", "T", "type of the rows", "Q8_0", false, 0},
           {"vocab", "N", "vocabulary of the tokens (default: Qwen4-Exp's 248320)", "", false, 0},
           {"eos", "ID", "token that ends a sequence (default: Qwen4-Exp's 248044)", "", false, 0},
           options::seed(),
           options::threads(),
           options::json()},
          {{"tierscope synth ngram table.gguf --table-bytes 8GiB --vocab 262144 --eos 1",
            "a table for the bundled traces, which use Gemma's vocabulary"}},
          run};
}

}  // namespace tierscope
