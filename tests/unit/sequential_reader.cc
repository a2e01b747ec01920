#include "runtime/model/sequential_reader.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <thread>

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

uint64_t resident_pages(int file, uint64_t bytes) {
  void* mapped = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file, 0);
  REQUIRE(mapped != MAP_FAILED);
  std::vector<unsigned char> pages((bytes + 4095) / 4096);
  REQUIRE(mincore(mapped, bytes, pages.data()) == 0);
  munmap(mapped, bytes);
  return static_cast<uint64_t>(std::ranges::count_if(pages, [](unsigned char page) { return (page & 1) != 0; }));
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

TEST_CASE("reads run ahead, but no more consumers at a time than were asked for", "[sequential_reader]") {
  const TemporaryFolder folder;
  const std::vector<std::filesystem::path> paths{folder / "a"};
  constexpr uint64_t kPiece = 1 << 20, kPieces = 16;
  write_pattern(paths[0], kPiece * kPieces);
  for (const unsigned consumers : {1U, 2U}) {
    std::atomic<unsigned> busy = 0, most = 0, calls = 0;
    std::vector<ReadExtent> extents;
    for (uint64_t piece = 0; piece < kPieces; ++piece)
      extents.push_back({0, piece * kPiece, kPiece, [&](const std::byte*) {
                           const unsigned now = ++busy;
                           for (unsigned seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
                           }
                           // Long enough that others would come in between.
                           std::this_thread::sleep_for(std::chrono::milliseconds(2));
                           ++calls;
                           --busy;
                         }});
    read_sequentially(paths, std::move(extents), consumers);
    CHECK(calls == kPieces);
    CHECK(most == consumers);
  }
}

TEST_CASE("reading leaves the page cache as it was", "[sequential_reader]") {
  const TemporaryFolder folder;
  const std::vector<std::filesystem::path> paths{folder / "a"};
  constexpr uint64_t kBytes = 8 << 20, kCached = 3 << 20;
  write_pattern(paths[0], kBytes);
  const int file = open(paths[0].c_str(), O_RDONLY | O_CLOEXEC);
  const int direct = open(paths[0].c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT);
  REQUIRE(file >= 0);
  REQUIRE(fsync(file) == 0);
  posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  if (direct < 0 || resident_pages(file, kBytes) != 0) {
    WARN("this file system has no reads past the page cache");
  } else {
    posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM);  // nothing beyond what is asked for
    std::vector<char> some(kCached);
    REQUIRE(pread(file, some.data(), kCached, 0) == static_cast<ssize_t>(kCached));
    const uint64_t before = resident_pages(file, kBytes);
    CHECK(before < kBytes / 4096);
    std::atomic<uint64_t> wrong = 0;
    std::vector<ReadExtent> extents;
    // The pieces' borders and the cached part's do not meet.
    for (uint64_t at = 0; at < kBytes; at += 700000) {
      const uint64_t bytes = std::min<uint64_t>(700000, kBytes - at);
      extents.push_back({0, at, bytes, [&wrong, at, bytes](const std::byte* data) {
                           for (uint64_t i = 0; i < bytes; ++i) wrong += data[i] != byte_at(at + i) ? 1 : 0;
                         }});
    }
    read_sequentially(paths, std::move(extents), 2);
    CHECK(wrong == 0);
    CHECK(resident_pages(file, kBytes) <= before);
  }
  if (direct >= 0) close(direct);
  close(file);
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
