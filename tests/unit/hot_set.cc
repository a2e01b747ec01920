#include "runtime/placement/hot_set.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "runtime/base/error.h"
#include "runtime/placement/planner.h"

using namespace tierscope;

namespace {

class TemporaryFile {
 public:
  TemporaryFile()
      : path_(std::filesystem::temp_directory_path() / ("tierscope-hot-set-" + std::to_string(::getpid()) + ".hot")) {}
  ~TemporaryFile() { std::filesystem::remove(path_); }
  const std::filesystem::path& path() const { return path_; }
  void write(const std::string& text) const { std::ofstream(path_) << text; }

 private:
  std::filesystem::path path_;
};

HotSet small_set() {
  HotSet hot = learn_hot_set(std::vector<RowId>{5, 3, 5, 9, 3, 5}, 20);
  hot.trace = "t";
  hot.tokenizer = "none";
  hot.addressing = "token";
  return hot;
}

const std::string kHeader =
    R"({"tierscope_hot_set":1,"trace":"t","tokenizer":"none","addressing":"token","table_rows":20,"accesses":6,"rows":2})"
    "\n";

}  // namespace

TEST_CASE("a hot set ranks rows by frequency, then by id", "[hot_set]") {
  const HotSet hot = learn_hot_set(std::vector<RowId>{5, 3, 5, 9, 3, 5, 1}, 20);
  CHECK(hot.rows == std::vector<HotRow>{{5, 3}, {3, 2}, {1, 1}, {9, 1}});
  CHECK(hot.accesses == 7);
}

TEST_CASE("a hot set is read as it was written", "[hot_set]") {
  const TemporaryFile file;
  write_hot_set(file.path(), small_set());
  CHECK(read_hot_set(file.path()) == small_set());
}

TEST_CASE("a damaged hot set is refused with its line", "[hot_set]") {
  const TemporaryFile file;
  const auto refused = [&](const std::string& text, const std::string& reason) {
    file.write(text);
    CHECK_THROWS_WITH(read_hot_set(file.path()), Catch::Contains(reason));
  };
  refused("", "empty");
  refused("{\"tierscope_trace\":1}\n", "not a hot set");
  refused("{\"tierscope_hot_set\":1}\n", "broken hot set header");
  refused(kHeader + "[1,4]\n", "promises 2");
  refused(kHeader + "[1,4]\n[20,1]\n", "outside the table");
  refused(kHeader + "[1,4]\n[1,1]\n", "appears twice");
  refused(kHeader + "[1,4]\n[2,5]\n", "rise");
  refused(kHeader + "[1,4]\n[2]\n", ":3: a line is not [row,count]");
}

TEST_CASE("pin-frequency preloads the hot set and never evicts", "[hot_set]") {
  const TemporaryFile file;
  write_hot_set(file.path(), small_set());
  const auto placement = [&](const std::string& policy) {
    Placement made = parse_placement("nvme+ram:2rows:" + policy);
    for (auto& [key, value] : made.caches[0].policy.parameters) value = value == "HOT" ? file.path().string() : value;
    return made;
  };
  for (const uint64_t dense_rows : {100, 0}) {
    Planner planner(placement("pin-frequency:from=HOT"), {20, 1}, 1, dense_rows);
    CHECK(planner.preload(0) == std::vector<RowId>{5, 3});
    const std::vector<RowId> rows{9, 5, 1, 3, 9};
    const StepPlan plan = planner.plan({rows});
    CHECK(plan.fills.empty());
    CHECK(planner.totals().levels[0].hits == 2);
    CHECK(planner.totals().levels[0].evictions == 0);
    CHECK(planner.totals().reads == 2);
  }
  Planner hybrid(placement("lru:pin=HOT"), {20, 1});
  CHECK(hybrid.preload(0) == std::vector<RowId>{5});
  hybrid.count({std::vector<RowId>{9, 5, 9, 1, 5, 9}});
  CHECK(hybrid.totals().levels[0].hits == 3);

  CHECK_THROWS_WITH(Planner(placement("pin-frequency:from=HOT"), {30, 1}), Catch::Contains("table of 20 rows"));
  CHECK_THROWS_WITH(Planner(placement("pin-frequency"), {20, 1}), Catch::Contains("tierscope learn"));
  CHECK_THROWS_WITH(Planner(placement("lru:pin=rank:pin-share=100%"), {20, 1}), Catch::Contains("pin-share"));
}
