#include "experiments/model_table.h"

#include "runtime/base/error.h"
#include "runtime/model/hyperparameters.h"

namespace tierscope {

std::optional<TableFile> find_model_table(const GgufFile& model) {
  const auto table = find_ple_table(model);
  if (!table) return std::nullopt;
  return TableFile{table->path, table->offset, table->rows, table->row_bytes, 0, nullptr};
}

TableFile model_table(const GgufFile& model) {
  if (const auto table = find_model_table(model)) return *table;
  throw Error("the model has no per-layer embedding table", model.paths().front().string(),
              "placements need one; see: tierscope inspect");
}

}  // namespace tierscope
