#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "experiments/commands/commands.h"
#include "experiments/progress.h"
#include "runtime/base/text.h"
#include "runtime/engine/model_table.h"
#include "runtime/store/packed_table.h"

namespace tierscope {
namespace {

int run(const Arguments& arguments) {
  const GgufFile model = GgufFile::open(arguments.text("MODEL"));
  const TableFile table = model_table(model);
  const std::filesystem::path out = arguments.text_or("OUT", default_packed_path(arguments.text("MODEL")).string());
  Progress progress(arguments.flag("quiet"));
  pack_table(table, out, [&](double share) { progress.status(fmt::format("packing: {:.0f} %", share * 100)); });
  const uint64_t stride = packed_stride(table.row_bytes);
  if (arguments.flag("json")) {
    const nlohmann::ordered_json json{{"file", out.string()},
                                      {"rows", table.rows},
                                      {"row_bytes", table.row_bytes},
                                      {"stride_bytes", stride},
                                      {"bytes", std::filesystem::file_size(out)}};
    fmt::print("{}\n", json.dump(1));
  } else {
    fmt::print("{}: {} rows of {} bytes, {} apart, {}\n", out.string(), table.rows, table.row_bytes, stride,
               format_bytes(std::filesystem::file_size(out)));
  }
  return 0;
}

}  // namespace

Command pack_command() {
  return {"pack",
          "write a model's table to a file of its own, rows on page borders",
          "Placements with layout=packed read it: a row then touches the fewest pages, and each is checked against its "
          "checksum.",
          {{"MODEL", "GGUF file with a per-layer embedding table"},
           {"OUT", "file to write (default: MODEL with the ending .packed)", false}},
          {options::quiet(), options::json()},
          {{"tierscope pack e2b.gguf", "writes e2b.packed, for placements like nvme,layout=packed"}},
          run};
}

}  // namespace tierscope
