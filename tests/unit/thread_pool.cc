#include "runtime/compute/thread_pool.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <numeric>

using namespace tierscope;

TEST_CASE("each worker runs the work once", "[thread_pool]") {
  for (const unsigned threads : {1U, 2U, 5U}) {
    ThreadPool pool(threads);
    std::vector<std::atomic<int>> calls(threads);
    for (int round = 0; round < 200; ++round) pool.run([&](unsigned worker) { ++calls[worker]; });
    for (const auto& count : calls) CHECK(count == 200);
  }
}

TEST_CASE("shares cover all items once, with borders on the grain", "[thread_pool]") {
  for (const unsigned threads : {1U, 2U, 3U, 7U}) {
    ThreadPool pool(threads);
    for (const size_t items : {0UL, 1UL, 15UL, 16UL, 17UL, 100UL, 1000UL}) {
      std::vector<int> seen(items);
      std::atomic<int> crooked = 0;
      pool.split(items, 16, [&](size_t first, size_t last, unsigned) {
        if (first % 16 != 0 || (last % 16 != 0 && last != items)) ++crooked;
        for (size_t item = first; item < last; ++item) ++seen[item];
      });
      CHECK(crooked == 0);
      CHECK(std::accumulate(seen.begin(), seen.end(), size_t{0}) == items);
      CHECK(std::all_of(seen.begin(), seen.end(), [](int count) { return count == 1; }));
    }
  }
}

TEST_CASE("scratch is aligned and grows", "[thread_pool]") {
  ThreadPool pool(2);
  for (const size_t bytes : {1UL, 1000UL, 100000UL}) {
    std::byte* area = pool.scratch(1, bytes);
    CHECK(reinterpret_cast<uintptr_t>(area) % 64 == 0);
    std::fill(area, area + bytes, std::byte{1});
  }
}
