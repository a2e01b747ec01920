// Which pages hold which rows, against byte by byte counting; and what is refused.
#include <catch2/catch.hpp>

#include <set>

#include "runtime/base/error.h"
#include "runtime/engine/replay.h"
#include "runtime/placement/hot_set.h"
#include "runtime/placement/page_unit.h"
#include "runtime/placement/planner.h"
#include "sim/timing.h"
#include "tests/support/id_table.h"

using namespace tierscope;
using namespace tierscope::testing;

TEST_CASE("a row's pages are those that its bytes lie in", "[page_unit]") {
  for (const uint64_t row_bytes : {90, 160, 264, 4096, 9520})
    for (const uint64_t stride : {row_bytes, row_bytes + 38})
      for (const uint64_t offset : {0, 32, 4095, 4096, 10000}) {
        CAPTURE(row_bytes, stride, offset);
        const uint64_t rows = 200;
        const PageMap map(rows, row_bytes, offset, stride);
        const uint64_t first_page = offset / kPageBytes;
        CHECK(map.offset() == first_page * kPageBytes);
        uint64_t last = 0, widest = 0;
        for (uint64_t row = 0; row < rows; ++row) {
          std::set<uint64_t> pages;
          for (uint64_t byte = 0; byte < row_bytes; ++byte)
            pages.insert((offset + row * stride + byte) / kPageBytes - first_page);
          REQUIRE(map.first_page(row) == *pages.begin());
          REQUIRE(map.last_page(row) == *pages.rbegin());
          REQUIRE(map.offset_in_page(row) == (offset + row * stride) % kPageBytes);
          last = *pages.rbegin();
          widest = std::max<uint64_t>(widest, pages.size());
        }
        CHECK(map.pages() == last + 1);
        CHECK(widest <= map.widest_row());
        CHECK(map.end() == offset + (rows - 1) * stride + row_bytes);
      }
}

TEST_CASE("a stream in pages keeps its steps and parts", "[page_unit]") {
  AccessStream stream;
  stream.rows = {0, 1, 45, 46, 2};
  stream.steps = {{0, 3, true, 0, 0, 1}, {3, 2, false, 0, 1, 1}};
  stream.parts = {{0, 3, false, 0, 0}, {0, 2, false, 0, 0}};
  const PageMap map(100, 90, 0, 90);  // row 45 straddles: bytes 4050 to 4139
  const AccessStream pages = in_pages(stream, map);
  CHECK(pages.rows == std::vector<RowId>{0, 0, 0, 1, 1, 0});
  CHECK(pages.rows == map.pages_of(stream.rows));
  CHECK(pages.table_rows == 3);
  REQUIRE(pages.steps.size() == 2);
  CHECK(pages.steps[1].first == 4);
  CHECK(pages.steps[1].count == 2);
  CHECK(pages.tokens(pages.steps[0]) == 3);
  stream.rows[0] = 100;
  CHECK_THROWS_WITH(in_pages(stream, map), Catch::Contains("row 100 of a table of 100"));
}

TEST_CASE("a hot page is as hot as its rows together", "[page_unit]") {
  HotSet rows;
  rows.table_rows = 100;
  rows.rows = {{0, 9}, {45, 5}, {60, 3}, {61, 3}};
  const HotSet pages = hot_pages(rows, PageMap(100, 90, 0, 90));
  CHECK(pages.table_rows == 3);
  CHECK(pages.rows == std::vector<HotRow>{{0, 14}, {1, 11}});
}

TEST_CASE("the last page may end after the file", "[page_unit]") {
  const IdTable table(1000, 90);
  std::filesystem::resize_file(table.file().path, table.file().end());
  TokenTrace trace;
  trace.header.name = "last";
  trace.header.vocab_size = 1000;
  Request request;
  request.prompt = {999, 0, 998, 999};
  trace.requests = {request};
  for (const char* placement : {"nvme,unit=page", "ram,unit=page", "nvme+ram:2rows:lru,access=mmap,unit=page",
                                "nvme+ram:2rows:lru,access=pread,unit=page"}) {
    uint64_t wrong = 0;
    ReplayOptions options;
    options.on_rows = [&](std::span<const RowId> ids, const StepRows& rows) {
      for (size_t i = 0; i < ids.size(); ++i) wrong += !is_id_row(ids[i], rows.row(i), 90);
    };
    const auto compute = make_no_compute();
    replay(table.file(), parse_placement(placement), trace, *parse_addressing("token"), *compute, options);
    CHECK(wrong == 0);
  }
}

TEST_CASE("what does not go with pages is refused", "[page_unit]") {
  const TableShape pages = in_pages(PageMap(1000, 90, 0, 90), 16);
  CHECK_THROWS_WITH(Planner(parse_placement("nvme,prefetch=draft:2,unit=page"), pages), Catch::Contains("draft"));
  CHECK_THROWS_AS(Planner(parse_placement("nvme+ram:2rows:lru,unit=page"), {1000, 90}), std::logic_error);
  CHECK_THROWS_AS(PageMap(0, 90, 0, 90), UsageError);
  CHECK_THROWS_AS(PageMap(uint64_t{1} << 40, 9520, 0, 9520), UsageError);
  // A capacity is one of pages: 23 hold the table.
  CHECK(Planner(parse_placement("nvme+ram:8KiB:lru,unit=page"), pages).slots(0) == 2);
  CHECK_THROWS_WITH(Planner(parse_placement("nvme+ram:24rows:lru,unit=page"), pages), Catch::Contains("larger"));
}

TEST_CASE("the timing model reads a page for a row of it", "[page_unit]") {
  const TableLayout layout{1000, 90, 4000, 90, 512, 0, 65536};
  const TableLayout pages = in_units(layout, CachingUnit::page);
  CHECK(pages.offset == 0);
  CHECK(pages.rows == 23);
  CHECK(pages.row_bytes == kPageBytes);
  CHECK(in_units(pages, CachingUnit::page).rows == 23);
}
