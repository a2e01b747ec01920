#include "runtime/placement/hot_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <unordered_set>

#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"
#include "traces/line_reader.h"

namespace tierscope {
namespace {

using nlohmann::ordered_json;

struct HotSetHeader {
  HotSet hot;
  uint64_t rows = 0;
};

HotSetHeader parse_header(const std::string& line, const std::string& where) {
  const ordered_json json = ordered_json::parse(line, nullptr, false);
  if (!json.is_object() || json.value("tierscope_hot_set", 0) != 1)
    throw Error("not a hot set of version 1", where, "its first line must have \"tierscope_hot_set\": 1");
  try {
    HotSetHeader header;
    header.hot.trace = json.at("trace");
    header.hot.tokenizer = json.at("tokenizer");
    header.hot.addressing = json.at("addressing");
    header.hot.table_rows = json.at("table_rows");
    header.hot.accesses = json.at("accesses");
    header.rows = json.at("rows");
    return header;
  } catch (const ordered_json::exception& error) {
    throw Error(fmt::format("broken hot set header ({})", error.what()), where, "learn it again: tierscope learn");
  }
}

HotRow parse_row(const std::string& line, const std::string& where) {
  const ordered_json json = ordered_json::parse(line, nullptr, false);
  if (!json.is_array() || json.size() != 2 || !json[0].is_number_unsigned() || !json[1].is_number_unsigned())
    throw Error("a line is not [row,count]", where, "learn the hot set again: tierscope learn");
  if (json[0].get<uint64_t>() > UINT32_MAX) throw Error("a row id is too large", where);
  return {json[0], json[1]};
}

// Fills in the rows by falling count, then by id.
void rank(const std::unordered_map<RowId, uint64_t>& counts, HotSet& hot) {
  hot.rows.reserve(counts.size());
  for (const auto& [row, count] : counts) hot.rows.push_back({row, count});
  std::ranges::sort(hot.rows, [](const HotRow& a, const HotRow& b) {
    return a.count != b.count ? a.count > b.count : a.row < b.row;
  });
}

}  // namespace

HotSet learn_hot_set(std::span<const RowId> stream, uint64_t table_rows) {
  std::unordered_map<RowId, uint64_t> counts;
  for (const RowId row : stream) ++counts[row];
  HotSet hot;
  hot.table_rows = table_rows;
  hot.accesses = stream.size();
  rank(counts, hot);
  return hot;
}

HotSet hot_pages(const HotSet& rows, const PageMap& map) {
  std::unordered_map<RowId, uint64_t> counts;
  for (const HotRow& hot : rows.rows)
    for (RowId page = map.first_page(hot.row); page <= map.last_page(hot.row); ++page) counts[page] += hot.count;
  HotSet hot{rows.trace, rows.tokenizer, rows.addressing, map.pages(), rows.accesses, {}};
  rank(counts, hot);
  return hot;
}

HotSet read_hot_set(const std::filesystem::path& path) {
  LineReader lines(path);
  std::string line;
  const auto where = [&] { return fmt::format("{}:{}", path.string(), lines.line_number()); };
  if (!lines.next(line)) throw Error("the hot set is empty", path.string(), "make one: tierscope learn");
  HotSetHeader header = parse_header(line, where());
  HotSet& hot = header.hot;
  std::unordered_set<RowId> seen;
  while (lines.next(line)) {
    const HotRow row = parse_row(line, where());
    if (row.row >= hot.table_rows)
      throw Error(fmt::format("row {} is outside the table of {} rows", row.row, hot.table_rows), where());
    if (!seen.insert(row.row).second) throw Error(fmt::format("row {} appears twice", row.row), where());
    if (!hot.rows.empty() && row.count > hot.rows.back().count)
      throw Error("the counts rise", where(), "a hot set is sorted by falling count");
    hot.rows.push_back(row);
  }
  if (hot.rows.size() != header.rows)
    throw Error(fmt::format("{} rows, but the header promises {}", hot.rows.size(), header.rows), path.string(),
                "the file is truncated; learn it again: tierscope learn");
  return std::move(header.hot);
}

void write_hot_set(const std::filesystem::path& path, const HotSet& hot) {
  AtomicFile file(path);
  const ordered_json header{{"tierscope_hot_set", 1},       {"trace", hot.trace},
                            {"tokenizer", hot.tokenizer},   {"addressing", hot.addressing},
                            {"table_rows", hot.table_rows}, {"accesses", hot.accesses},
                            {"rows", hot.rows.size()}};
  file.write(header.dump() + "\n");
  for (const HotRow& row : hot.rows) file.write(fmt::format("[{},{}]\n", row.row, row.count));
  file.commit();
}

}  // namespace tierscope
