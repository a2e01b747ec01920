// A model file's per-layer embedding table as the store takes it.
#pragma once

#include <optional>

#include "runtime/gguf/gguf.h"
#include "runtime/store/table_handle.h"

namespace tierscope {

// Empty where the model has none.
std::optional<TableFile> find_model_table(const GgufFile& model);
TableFile model_table(const GgufFile& model);  // Error where the model has none

}  // namespace tierscope
