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
    const auto add = [&](uint64_t first, uint64_t count) {
      const auto index = static_cast<uint32_t>(request);
      stream.steps.push_back({at + first, count, first < prompt, index, stream.parts.size(), 1});
      stream.parts.push_back({index, static_cast<uint32_t>(count), first + count < prompt, 0, 0});
    };
    for (uint64_t i = 0; i < prompt; i += chunk) add(i, std::min<uint64_t>(chunk, prompt - i));
    for (uint64_t i = prompt; i < prompt + output; ++i) add(i, 1);
    at += prompt + output;
  }
  return stream;
}

}  // namespace tierscope
