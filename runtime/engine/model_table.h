// The table of a model file as a placement wants it read. Errors: Error naming the file.
#pragma once

#include <filesystem>
#include <optional>

#include "runtime/gguf/gguf.h"
#include "runtime/placement/placement.h"
#include "runtime/store/table_handle.h"

namespace tierscope {

// Where `tierscope pack` puts a model's packed table unless told otherwise.
std::filesystem::path default_packed_path(const std::filesystem::path& model);

// Empty where the model has none.
std::optional<TableFile> find_model_table(const GgufFile& model);
TableFile model_table(const GgufFile& model);  // Error where the model has none
// The table that a placement of this model reads, packed ones from their default path; empty where the model has none.
std::optional<TableFile> find_placed_table(const GgufFile& model, const Placement& placement);
// With layout=packed the rows of `packed`, checked to be the model's; else the model's own.
TableFile placed_table(const GgufFile& model, const Placement& placement, const std::filesystem::path& packed);

}  // namespace tierscope
