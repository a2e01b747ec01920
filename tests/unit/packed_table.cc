#include "runtime/store/packed_table.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "runtime/base/error.h"
#include "runtime/placement/planner.h"
#include "runtime/store/tier_store.h"
#include "tests/support/id_table.h"

using namespace tierscope;
using namespace tierscope::testing;

namespace {

constexpr uint64_t kRows = 300, kRowBytes = 5000;

struct Packed {
  Packed() : model(kRows, kRowBytes), path(model.file().path.string() + ".packed") { pack_table(model.file(), path); }
  ~Packed() { std::filesystem::remove(path); }

  void flip_byte(uint64_t offset) const {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const char flipped = static_cast<char>(file.get() ^ 1);
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(flipped);
  }

  IdTable model;
  std::filesystem::path path;
};

// All rows of a table, in one step through a store without caches.
void read_all(const TableFile& table) {
  const Placement placement = parse_placement("nvme,layout=packed");
  Planner planner(placement, table.shape());
  const auto store = make_tier_store(table, placement, planner, {});
  std::vector<RowId> ids(table.rows);
  for (RowId id = 0; id < table.rows; ++id) ids[id] = id;
  const auto rows = store->begin(planner.plan({ids}));
  rows->await();
  for (RowId id = 0; id < table.rows; ++id) REQUIRE(is_id_row(id, rows->row(id), kRowBytes));
}

}  // namespace

TEST_CASE("rows lie on page borders, or never straddle one", "[packed_table]") {
  CHECK(packed_stride(9520) == 12288);
  CHECK(packed_stride(8192) == 8192);
  CHECK(packed_stride(4096) == 4096);
  CHECK(packed_stride(320) == 512);
}

TEST_CASE("a packed table holds the model's rows", "[packed_table]") {
  const Packed packed;
  const TableFile table = open_packed_table(packed.path, packed.model.file());
  CHECK(table.row_stride == 8192);
  CHECK(table.offset % 4096 == 0);
  read_all(table);
}

TEST_CASE("a damaged row is found where it is read", "[packed_table]") {
  const Packed packed;
  const TableFile table = open_packed_table(packed.path, packed.model.file());
  packed.flip_byte(table.row_offset(17) + 4321);
  CHECK_THROWS_WITH(read_all(table),
                    Catch::Contains("row 17") && Catch::Contains("checksum") && Catch::Contains(packed.path.string()));
}

TEST_CASE("damaged headers, checksums and sizes are refused", "[packed_table]") {
  const Packed packed;
  SECTION("header") {
    packed.flip_byte(16);
    CHECK_THROWS_WITH(open_packed_table(packed.path, packed.model.file()), Catch::Contains("header is damaged"));
  }
  SECTION("magic") {
    packed.flip_byte(0);
    CHECK_THROWS_WITH(open_packed_table(packed.path, packed.model.file()), Catch::Contains("not a packed table"));
  }
  SECTION("checksums") {
    packed.flip_byte(std::filesystem::file_size(packed.path) - 3);
    CHECK_THROWS_WITH(open_packed_table(packed.path, packed.model.file()), Catch::Contains("checksums are damaged"));
  }
  SECTION("truncated") {
    std::filesystem::resize_file(packed.path, 100000);
    CHECK_THROWS_WITH(open_packed_table(packed.path, packed.model.file()), Catch::Contains("bytes"));
  }
  SECTION("empty") {
    std::filesystem::resize_file(packed.path, 0);
    CHECK_THROWS_WITH(open_packed_table(packed.path, packed.model.file()), Catch::Contains("too short"));
  }
}

TEST_CASE("a touched model is accepted, a changed or another one is not", "[packed_table]") {
  const Packed packed;
  const std::filesystem::path model = packed.model.file().path;
  std::filesystem::last_write_time(model, std::filesystem::file_time_type::clock::now() - std::chrono::hours(5));
  CHECK_NOTHROW(open_packed_table(packed.path, packed.model.file()));
  {
    std::fstream file(model, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(packed.model.file().row_offset(9)));
    file.put('x');
  }
  CHECK_THROWS_WITH(open_packed_table(packed.path, packed.model.file()), Catch::Contains("stale"));
  const IdTable other(kRows, kRowBytes + 8);
  CHECK_THROWS_WITH(open_packed_table(packed.path, other.file()), Catch::Contains("another model"));
}

TEST_CASE("packed rows serve nvme only", "[packed_table]") {
  CHECK_THROWS_AS(parse_placement("ram,layout=packed"), UsageError);
}
