#include "runtime/model/sequential_reader.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>
#include <stdexcept>

#include "runtime/base/error.h"
#include "tests/support/temporary_folder.h"

using namespace tierscope;

namespace {

// Byte i of a file is a function of i, so that an extent can check what it was given.
std::byte byte_at(uint64_t i) {
  return static_cast<std::byte>((i * 2654435761U) >> 13);
}

void write_pattern(const std::filesystem::path& path, uint64_t bytes) {
  std::string data(bytes, 0);
  for (uint64_t i = 0; i < bytes; ++i) data[i] = static_cast<char>(byte_at(i));
  std::ofstream(path, std::ios::binary) << data;
}

}  // namespace

TEST_CASE("every extent gets its bytes once, across holes, files and odd ends", "[sequential_reader]") {
  const TemporaryFolder folder;
  constexpr uint64_t kBytes = (9 << 20) + 123;
  const std::vector<std::filesystem::path> paths{folder / "a", folder / "b"};
  for (const auto& path : paths) write_pattern(path, kBytes);
  std::atomic<uint64_t> taken = 0, wrong = 0;
  std::vector<ReadExtent> extents;
  const auto add = [&](uint32_t file, uint64_t offset, uint64_t bytes) {
    extents.push_back({file, offset, bytes, [&, offset, bytes](const std::byte* data) {
                         for (uint64_t i = 0; i < bytes; ++i) wrong += data[i] != byte_at(offset + i) ? 1 : 0;
                         taken += bytes;
                       }});
  };
  add(1, kBytes - 1, 1);
  add(0, 5000000, 4097);
  add(0, 0, 1);
  add(0, 1, 4095);
  add(0, 4096, 3 << 20);
  add(1, 100, (8 << 20) + 1);  // more than one read holds
  add(0, kBytes - 70000, 70000);
  uint64_t total = 0;
  for (const ReadExtent& extent : extents) total += extent.bytes;
  read_sequentially(paths, std::move(extents), 3);
  CHECK(taken == total);
  CHECK(wrong == 0);
}

TEST_CASE("a file that ends early, one that is missing and a failing consumer are errors", "[sequential_reader]") {
  const TemporaryFolder folder;
  const std::vector<std::filesystem::path> paths{folder / "short"};
  write_pattern(paths[0], 10000);
  const auto ignore = [](const std::byte*) {};
  CHECK_THROWS_WITH(read_sequentially(paths, {{0, 8192, 5000, ignore}}, 2), Catch::Contains("ends early"));
  CHECK_THROWS_WITH(read_sequentially(paths, {{0, 1 << 20, 10, ignore}}, 2), Catch::Contains("ends early"));
  const std::vector<std::filesystem::path> nowhere{folder / "nowhere"};
  CHECK_THROWS_WITH(read_sequentially(nowhere, {{0, 0, 1, ignore}}, 2), Catch::Contains("No such file"));
  CHECK_THROWS_AS(read_sequentially(paths, {{0, 0, 1, [](const std::byte*) { throw std::domain_error("no"); }}}, 2),
                  std::domain_error);
}
