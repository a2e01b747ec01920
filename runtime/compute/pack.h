// Between the rows of a file and the packed layout (packed_format.h). Pure; thread-safe on different groups.
#pragma once

#include "runtime/compute/block_codes.h"
#include "runtime/compute/packed_format.h"

namespace tierscope {

// Packs `count` <= 16 rows of `cols` values, `row_bytes` apart, into one row group; missing rows become zeros.
void pack_group(const QuantType& type, const std::byte* rows, size_t row_bytes, size_t count, size_t cols,
                std::byte* group);

// One row of a group as float32, as the file's type defines it.
void unpack_row(const PackedFormat& format, const std::byte* group, size_t row, size_t cols, float* out);

// Codes of one block of one row, values[32], with the offset not yet subtracted.
void unpack_codes(const PackedFormat& format, const std::byte* block, size_t row, uint8_t* codes);

// Scale and minimum of a scale group of one row, in a row group of `blocks` blocks; `group_of_block` counts from the
// start of the block. min is 0 where there is none.
struct ScaleAndMin {
  float scale = 0, min = 0;
};
ScaleAndMin unpack_scale(const PackedFormat& format, const std::byte* group, size_t blocks, size_t row, size_t block,
                         size_t group_of_block);

}  // namespace tierscope
