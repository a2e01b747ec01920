// A table file of its own with rows on page borders, so that a row costs the fewest pages, and a checksum for each row
// (layout and reasons: docs/store.md). Errors: Error with the file for anything that is damaged, stale or of another
// model. Pure but for the files.
#pragma once

#include <filesystem>
#include <functional>

#include "runtime/store/table_handle.h"

namespace tierscope {

// Bytes from row to row in a packed file: whole pages, or a share of one that rows never straddle.
uint64_t packed_stride(uint64_t row_bytes);

// Writes `table`'s rows to `out`, which appears only when complete. `progress`, where set, hears of the share done.
void pack_table(const TableFile& table, const std::filesystem::path& out,
                const std::function<void(double share)>& progress = {});

// `packed` as a table, checked to hold the rows of `model`, the table it stands for. Where the model's file has changed
// since packing, its rows are hashed again to tell a touched file from another one.
TableFile open_packed_table(const std::filesystem::path& packed, const TableFile& model);

}  // namespace tierscope
