// The RAM read bandwidth that decode is compared with: our own read loop, on the same threads.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "runtime/compute/aligned_buffer.h"
#include "runtime/compute/thread_pool.h"

namespace tierscope {

// The best of five passes over more memory than any last-level cache holds.
inline double read_bytes_per_s(ThreadPool& pool) {
  AlignedBuffer buffer(size_t{512} << 20);
  std::fill_n(buffer.data(), buffer.size(), std::byte{1});
  const auto* words = reinterpret_cast<const uint64_t*>(buffer.data());
  double best = 0;
  for (int round = 0; round < 5; ++round) {
    std::vector<uint64_t> sums(pool.size());
    const auto start = std::chrono::steady_clock::now();
    pool.split(buffer.size() / sizeof *words, 4096, [&](size_t first, size_t last, unsigned worker) {
      std::array<uint64_t, 32> sum{};
      for (size_t at = first; at < last; at += sum.size())
        for (size_t lane = 0; lane < sum.size(); ++lane) sum[lane] ^= words[at + lane];
      sums[worker] = std::accumulate(sum.begin(), sum.end(), uint64_t{0});
    });
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    // The sums depend on every word read; 512 MiB of ones leave none.
    if (std::accumulate(sums.begin(), sums.end(), uint64_t{0}) != 0)
      throw std::logic_error("memory changed under the read loop");
    best = std::max(best, static_cast<double>(buffer.size()) / seconds.count());
  }
  return best;
}

}  // namespace tierscope
