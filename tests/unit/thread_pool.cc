#include "runtime/compute/thread_pool.h"

#include <pthread.h>
#include <sched.h>

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

TEST_CASE("a shared range hands out every item once, the own share first and in order", "[thread_pool]") {
  for (const unsigned threads : {1U, 2U, 3U, 7U}) {
    ThreadPool pool(threads);
    for (const size_t items : {0UL, 1UL, 2UL, 15UL, 100UL, 1000UL}) {
      std::vector<std::atomic<int>> seen(items);
      std::atomic<int> crooked = 0;
      pool.share(items, 8, [&](unsigned worker, SharedRange& range) {
        const size_t begin = items * worker / threads, end = items * (worker + 1) / threads;
        size_t at = begin;
        bool own = true;
        for (size_t first = 0, last = 0; range.take(worker, first, last);) {
          own = own && first >= begin && last <= end;
          if (own && (first != at || first == last)) ++crooked;
          at = last;
          for (size_t item = first; item < last; ++item) ++seen[item];
        }
      });
      CHECK(crooked == 0);
      CHECK(std::ranges::all_of(seen, [](const std::atomic<int>& count) { return count == 1; }));
    }
  }
}

TEST_CASE("a worker that finds others late takes their share from the back", "[thread_pool]") {
  SharedRange range(2);
  range.reset(20, 5);
  size_t first = 0, last = 0;
  std::vector<size_t> begins;
  REQUIRE(range.take(1, first, last));
  CHECK(first == 10);
  while (range.take(0, first, last)) begins.push_back(first);
  CHECK(begins == std::vector<size_t>{0, 2, 4, 6, 8, 18, 16, 14, 12});
  CHECK_FALSE(range.take(1, first, last));
}

TEST_CASE("a caller that is on a worker's CPU leaves it to the worker", "[thread_pool]") {
  const std::vector<unsigned>& cpus = usable_cpus();
  if (cpus.size() < 2) return;
  ThreadPool pool(2);
  cpu_set_t all, workers;
  REQUIRE(pthread_getaffinity_np(pthread_self(), sizeof all, &all) == 0);
  CPU_ZERO(&workers);
  CPU_SET(cpus[1], &workers);
  int left = 0;
  for (int round = 0; round < 20; ++round) {
    REQUIRE(pthread_setaffinity_np(pthread_self(), sizeof workers, &workers) == 0);
    REQUIRE(pthread_setaffinity_np(pthread_self(), sizeof all, &all) == 0);
    int at = -1;
    pool.run([&](unsigned worker) {
      if (worker == 0) at = sched_getcpu();
    });
    left += at != static_cast<int>(cpus[1]);
  }
  // The scheduler may move it back, or away, now and then.
  CHECK(left > 15);
  cpu_set_t now;
  REQUIRE(pthread_getaffinity_np(pthread_self(), sizeof now, &now) == 0);
  CHECK(CPU_EQUAL(&all, &now));
}
