// The blocked attention beside a plain one in double, over odd sizes, windows, ring positions and both cache types.
#include "runtime/model/attention.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "runtime/model/simd_level.h"

using namespace tierscope;

namespace {

struct Case {
  uint32_t head_dim, heads, window, context, tokens, batch;
};

struct Filled {
  KvCache cache;
  std::vector<std::vector<float>> keys, values;  // per position, as given to the cache
};

Filled fill(const Case& c, KvType type, std::mt19937& random) {
  Hyperparameters model;
  model.layers = 1;
  model.layer = {{c.window != 0, true, 0, c.heads, 1, c.head_dim, 0}};
  model.sliding_window = c.window;
  Filled filled{KvCache(model, type, {c.context, 1, c.batch}), {}, {}};
  std::normal_distribution<float> normal;
  for (uint32_t p = 0; p < c.context; ++p) {
    std::vector<float> key(c.head_dim), value(c.head_dim);
    for (float& x : key) x = normal(random) / 2;
    for (float& x : value) x = normal(random);
    filled.cache.store(0, 0, p, key.data(), value.data());
    filled.keys.push_back(key);
    filled.values.push_back(value);
  }
  return filled;
}

std::vector<double> plain(const Case& c, const Filled& filled, uint32_t position, const float* query) {
  const uint32_t first = c.window == 0 || position + 1 < c.window ? 0 : position + 1 - c.window;
  std::vector<double> scores, out(c.head_dim);
  for (uint32_t p = first; p <= position; ++p) {
    double score = 0;
    for (uint32_t d = 0; d < c.head_dim; ++d) score += double{query[d]} * filled.keys[p][d];
    scores.push_back(score);
  }
  const double maximum = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (double& score : scores) sum += score = std::exp(score - maximum);
  for (uint32_t p = first; p <= position; ++p)
    for (uint32_t d = 0; d < c.head_dim; ++d) out[d] += scores[p - first] / sum * filled.values[p][d];
  return out;
}

double worst_error(const Case& c, KvType type) {
  std::mt19937 random(c.context + c.heads);
  const Filled filled = fill(c, type, random);
  std::normal_distribution<float> normal;
  const size_t stride = size_t{c.heads} * c.head_dim;
  std::vector<float> queries(c.tokens * stride), out(queries.size());
  for (float& x : queries) x = normal(random);
  std::vector<uint32_t> positions;
  for (uint32_t t = 0; t < c.tokens; ++t) positions.push_back(c.context - c.tokens + t);
  std::vector<float> scratch(attention_scratch_floats(c.head_dim));
  attend({filled.cache.head(0, 0, 0), c.window, positions, c.heads, stride, queries.data(), out.data()},
         scratch.data());
  double worst = 0;
  for (uint32_t t = 0; t < c.tokens; ++t)
    for (uint32_t h = 0; h < c.heads; ++h) {
      const size_t at = t * stride + size_t{h} * c.head_dim;
      const auto exact = plain(c, filled, positions[t], &queries[at]);
      for (uint32_t d = 0; d < c.head_dim; ++d) worst = std::max(worst, std::abs(exact[d] - double{out[at + d]}));
    }
  return worst;
}

}  // namespace

TEST_CASE("blocked attention agrees with the plain one at every level", "[attention]") {
  const Case cases[] = {
      {16, 1, 0, 1, 1, 1},     {32, 3, 0, 65, 1, 1},   {48, 4, 0, 200, 5, 5},     {16, 8, 16, 300, 7, 7},
      {256, 8, 64, 513, 8, 8}, {512, 8, 0, 130, 3, 3}, {64, 12, 100, 1000, 5, 5}, {32, 5, 7, 64, 12, 12},
  };
  for (const CpuLevel level : available_levels()) {
    use_simd_level(level);
    for (const Case& c : cases) {
      INFO(level_name(level) << ": dim " << c.head_dim << ", heads " << c.heads << ", window " << c.window
                             << ", context " << c.context << ", tokens " << c.tokens);
      CHECK(worst_error(c, KvType::f32) < 2e-5);
      CHECK(worst_error(c, KvType::f16) < 2e-2);
    }
  }
  use_simd_level(chosen_level());
}

TEST_CASE("positions may have gaps between the queries", "[attention]") {
  const Case c{32, 2, 20, 100, 1, 100};
  std::mt19937 random(3);
  const Filled filled = fill(c, KvType::f32, random);
  const std::vector<uint32_t> positions{3, 40, 99};
  std::vector<float> queries(3 * 2 * 32), out(queries.size());
  std::normal_distribution<float> normal;
  for (float& x : queries) x = normal(random);
  std::vector<float> scratch(attention_scratch_floats(32));
  attend({filled.cache.head(0, 0, 0), c.window, positions, 2, 64, queries.data(), out.data()}, scratch.data());
  for (size_t row = 0; row < 6; ++row) {
    const auto exact = plain(c, filled, positions[row / 2], &queries[row * 32]);
    for (size_t d = 0; d < 32; ++d) CHECK(std::abs(exact[d] - double{out[row * 32 + d]}) < 2e-5);
  }
}

TEST_CASE("results over parts of the keys join into the result over all", "[attention]") {
  const Case c{48, 5, 150, 400, 1, 1};
  std::mt19937 random(5);
  const Filled filled = fill(c, KvType::f32, random);
  std::normal_distribution<float> normal;
  std::vector<float> query(5 * 48), out(query.size()), part(query.size());
  for (float& x : query) x = normal(random);
  const std::vector<uint32_t> positions{399};
  std::vector<float> scratch(attention_scratch_floats(48));
  std::vector<SoftmaxTotals> totals(5), part_totals(5);
  const KvHead head = filled.cache.head(0, 0, 0);
  attend({head, c.window, positions, 5, 240, query.data(), out.data(), {0, 256}, totals.data()}, scratch.data());
  for (const KeyRange keys : {KeyRange{256, 320}, KeyRange{320, 1000}}) {
    attend({head, c.window, positions, 5, 240, query.data(), part.data(), keys, part_totals.data()}, scratch.data());
    for (size_t h = 0; h < 5; ++h) join_attention(&part[h * 48], part_totals[h], 48, &out[h * 48], totals[h]);
  }
  for (size_t h = 0; h < 5; ++h) {
    const auto exact = plain(c, filled, 399, &query[h * 48]);
    for (size_t d = 0; d < 48; ++d) CHECK(std::abs(exact[d] - double{out[h * 48 + d]}) < 2e-5);
  }
}
