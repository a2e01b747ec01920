// A model file as the timing model sees it: bytes and arithmetic by block, and where its table lies.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "sim/model_shape.h"
#include "sim/timing.h"
#include "traces/addressing.h"

namespace tierscope {

struct ShapedModel {
  ModelShape shape;
  TableLayout table;
};

// A table's rows as the store reads them with O_DIRECT: its alignment and its sharing of reads.
TableLayout direct_layout(uint64_t rows, uint64_t row_bytes, uint64_t offset);
// Error where the file is no Gemma 4 model or has no table. Of a model with an n-gram table whose decoder is not known
// here, the table alone: it has no blocks, so rows are priced and compute is not.
ShapedModel shape_of_model(const std::filesystem::path& file);
// A preset of `tierscope synth` by its name ("gemma4-e2b"), so that no file is needed; empty where there is none.
std::optional<ShapedModel> find_preset_shape(const std::string& name);
// One or the other. UsageError with the nearest preset.
ShapedModel find_model_shape(const std::string& preset_or_file);
// How its tokens find their rows.
std::unique_ptr<Addressing> addressing_of_model(const std::string& preset_or_file);

}  // namespace tierscope
