// A hot set: the rows of a trace by falling frequency, learnt once, saved, and pinned later (pin-frequency).
// File: JSON Lines, optionally zstd: a header object (`tierscope_hot_set: 1`, `trace`, `tokenizer`, `addressing`,
// `table_rows`, `accesses`, `rows`), then one `[row,count]` a line. Errors: Error with file and line. Pure otherwise.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "runtime/placement/page_unit.h"
#include "traces/addressing.h"

namespace tierscope {

struct HotRow {
  RowId row = 0;
  uint64_t count = 0;
  bool operator==(const HotRow&) const = default;
};

struct HotSet {
  std::string trace, tokenizer, addressing;  // what it was learnt from
  uint64_t table_rows = 0;                   // rows of the table that the ids belong to
  uint64_t accesses = 0;                     // of the whole trace
  std::vector<HotRow> rows;                  // by falling count, then by id
  bool operator==(const HotSet&) const = default;
};

// Counts and ranks the rows of an access stream; names stay empty.
HotSet learn_hot_set(std::span<const RowId> stream, uint64_t table_rows);

// The same by pages: a page was wanted as often as all rows in it together.
HotSet hot_pages(const HotSet& rows, const PageMap& map);

HotSet read_hot_set(const std::filesystem::path& path);
void write_hot_set(const std::filesystem::path& path, const HotSet& hot);

}  // namespace tierscope
