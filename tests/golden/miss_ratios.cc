// Miss ratios against libCacheSim's, from which tests/golden/data/miss-ratios.csv comes (capacity in rows, one access a
// token): equal to its four digits.
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "sim/count.h"
#include "traces/token_trace.h"

using namespace tierscope;

namespace {

struct Expected {
  std::string trace, policy;
  uint64_t capacity_rows = 0;
  double miss_ratio = 0;
};

std::vector<Expected> read_expected() {
  std::ifstream in("tests/golden/data/miss-ratios.csv");
  std::vector<Expected> all;
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    Expected expected;
    std::string capacity, accesses, ratio;
    std::getline(fields, expected.trace, ',');
    std::getline(fields, expected.policy, ',');
    std::getline(fields, capacity, ',');
    std::getline(fields, accesses, ',');
    std::getline(fields, ratio, ',');
    expected.capacity_rows = std::stoull(capacity);
    expected.miss_ratio = std::stod(ratio);
    all.push_back(expected);
  }
  return all;
}

double miss_ratio(const AccessStream& stream, const std::string& policy, uint64_t rows) {
  const TableShape table{262144, 9520};
  Planner planner(parse_placement("nvme+ram:" + std::to_string(rows) + "rows:" + policy), table);
  const LevelCounts level = count_stream(stream, planner, table).counts.levels[0];
  return static_cast<double>(level.misses) / static_cast<double>(level.hits + level.misses);
}

}  // namespace

TEST_CASE("miss ratios are those of an independent simulator", "[miss_ratios]") {
  const std::set<std::string> compared_policies{"lru",  "fifo", "clock",  "sieve", "belady",
                                                "slru", "arc",  "s3fifo", "twoq"};
  std::map<std::string, AccessStream> streams;
  size_t compared = 0;
  for (const Expected& expected : read_expected()) {
    if (!compared_policies.contains(expected.policy)) continue;
    if (!streams.contains(expected.trace))
      streams[expected.trace] = make_access_stream(read_trace("traces/data/" + expected.trace + ".jsonl.zst"),
                                                   *parse_addressing("token"), 512);
    const std::string policy = expected.policy == "twoq" ? "2q" : expected.policy;
    const double ratio = miss_ratio(streams[expected.trace], policy, expected.capacity_rows);
    INFO(expected.trace << " " << policy << " " << expected.capacity_rows << " rows");
    CHECK(std::abs(ratio - expected.miss_ratio) <= 6e-5);
    ++compared;
  }
  CHECK(compared == 144);
}
