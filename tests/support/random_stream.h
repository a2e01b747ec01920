// Seeded access streams for property tests: skewed, with scans and loops, cut into prefill and decode steps.
#pragma once

#include <cmath>
#include <random>

#include "runtime/placement/request_steps.h"

namespace tierscope {

inline AccessStream random_stream(uint64_t seed, uint32_t table_rows, uint32_t accesses, uint32_t chunk) {
  std::mt19937_64 random(seed);
  const auto below = [&](uint32_t bound) { return static_cast<uint32_t>(random() % bound); };
  const auto skewed = [&] {
    const double u = static_cast<double>(random() >> 11) * 0x1p-53;
    return static_cast<RowId>(std::pow(u, 3) * table_rows);
  };
  AccessStream stream;
  stream.table_rows = table_rows;
  while (stream.rows.size() < accesses) {
    const uint32_t kind = below(10), length = 1 + below(40), start = below(table_rows);
    for (uint32_t i = 0; i < length; ++i) {
      if (kind == 0)
        stream.rows.push_back((start + i) % table_rows);  // a scan
      else if (kind == 1)
        stream.rows.push_back((start + i % 5) % table_rows);  // a loop
      else
        stream.rows.push_back(skewed());
    }
  }
  stream.rows.resize(accesses);
  // The borders of the requests do not depend on the chunk, those of their steps do.
  for (uint64_t at = 0, request = 0; at < accesses; ++request) {
    const uint64_t prompt = std::min<uint64_t>(1 + below(30), accesses - at);
    const uint64_t output = std::min<uint64_t>(below(20), accesses - at - prompt);
    for (uint64_t i = 0; i < prompt; i += chunk) {
      const uint64_t count = std::min<uint64_t>(chunk, prompt - i);
      stream.steps.push_back({at + i, count, true, static_cast<uint32_t>(request), i + count < prompt, 0, 0});
    }
    at += prompt;
    for (uint64_t i = 0; i < output; ++i, ++at)
      stream.steps.push_back({at, 1, false, static_cast<uint32_t>(request), false, 0, 0});
  }
  return stream;
}

}  // namespace tierscope
