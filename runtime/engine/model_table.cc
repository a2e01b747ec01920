#include "runtime/engine/model_table.h"

#include "runtime/base/error.h"
#include "runtime/model/hyperparameters.h"
#include "runtime/store/packed_table.h"

namespace tierscope {

std::filesystem::path default_packed_path(const std::filesystem::path& model) {
  std::filesystem::path packed = model;
  return packed.replace_extension(".packed");
}

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

TableFile placed_table(const GgufFile& model, const Placement& placement, const std::filesystem::path& packed) {
  const TableFile table = model_table(model);
  return placement.layout == Layout::packed ? open_packed_table(packed, table) : table;
}

std::optional<TableFile> find_placed_table(const GgufFile& model, const Placement& placement) {
  if (!find_model_table(model)) return std::nullopt;
  return placed_table(model, placement, default_packed_path(model.paths().front()));
}

}  // namespace tierscope
