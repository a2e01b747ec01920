// A model file as the timing model sees it: bytes and arithmetic by block, and where its table lies.
#pragma once

#include <filesystem>

#include "sim/model_shape.h"
#include "sim/timing.h"

namespace tierscope {

// What O_DIRECT asks of offsets and sizes on most devices.
inline constexpr uint32_t kDirectAlignmentBytes = 512;

struct ShapedModel {
  ModelShape shape;
  TableLayout table;
};

// Error where the file is no Gemma 4 model or has no table.
ShapedModel shape_of_model(const std::filesystem::path& file);

}  // namespace tierscope
