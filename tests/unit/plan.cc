#include "experiments/plan.h"

#include <catch2/catch.hpp>
#include <set>

#include "runtime/base/error.h"

using namespace tierscope;

namespace {

const std::string kMinimal = R"(
name = "p"
[[matrix]]
models = ["a.gguf"]
traces = ["t.jsonl"]
placements = ["nvme", "ram"]
)";

std::string with(const std::string& lines) {
  return kMinimal + lines + "\n";
}

}  // namespace

TEST_CASE("the commented default plan parses, and its values are the defaults", "[plan]") {
  const Plan commented = Plan::read("experiments/plans/default.toml");
  const PlanMatrix &written = commented.matrices.at(0), defaults = Plan::parse(kMinimal, "p").matrices.at(0);
  CHECK(written.states == defaults.states);
  CHECK(written.compute == defaults.compute);
  CHECK(written.devices == defaults.devices);
  CHECK(written.emulate == defaults.emulate);
  CHECK(written.backend == defaults.backend);
  CHECK(written.requests == defaults.requests);
  CHECK(written.repeats == defaults.repeats);
  CHECK(written.threads == defaults.threads);
  CHECK(written.chunk == defaults.chunk);
  CHECK(written.context == defaults.context);
  CHECK(commented.profile.empty());
  const PlanCurves& curves = commented.curves.at(0);
  CHECK(curves.addressing == "token");
  CHECK(curves.units == std::vector<std::string>{"row"});
  CHECK(curves.capacities.empty());
  CHECK(curves.row_bytes == 0);
  CHECK(written.addressing == defaults.addressing);
  CHECK(written.row_bytes == defaults.row_bytes);
}

TEST_CASE("every shipped plan parses and has cells", "[plan]") {
  for (const auto& entry : std::filesystem::directory_iterator("experiments/plans"))
    CHECK_FALSE(expand(Plan::read(entry.path())).empty());
}

TEST_CASE("a plan expands to the product of its lists, each cell once", "[plan]") {
  const Plan plan = Plan::parse(with("states = [\"cold\", \"warm\"]\ncompute = [\"none\", \"real\"]\nrepeats = 2\n"
                                     "sources = [\"measured\", \"simulated\"]\ndevices = [\"x\", \"y\", \"x\"]"),
                                "p");
  const auto cells = expand(plan);
  std::set<std::string> ids;
  for (const PlannedCell& cell : cells) ids.insert(cell.axes.id());
  CHECK(ids.size() == cells.size());
  CHECK(cells.size() == 2 * 2 * 2 + 2 * 2 * 2 * 2);  // placements x states x compute (x devices)
  for (const PlannedCell& cell : cells) CHECK(cell.repeats == (cell.axes.source == ResultSource::measured ? 2 : 1));
}

TEST_CASE("cells of a table without a file, and curves by unit, are told apart", "[plan]") {
  const Plan plan = Plan::parse(R"(
name = "p"
[[matrix]]
sources = ["simulated"]
addressing = "ngram:qwen4-exp"
row_bytes = 170
traces = ["t.jsonl"]
placements = ["nvme,unit=page"]
devices = ["d"]
[[curves]]
addressing = "ngram:qwen4-exp"
row_bytes = 170
units = ["row", "page"]
capacities = ["16MiB", "1GiB"]
traces = ["t.jsonl"]
policies = ["lru"]
[[curves]]
traces = ["t.jsonl"]
policies = ["lru"]
)",
                                "p");
  const auto cells = expand(plan);
  REQUIRE(cells.size() == 4);
  CHECK(cells[0].words[2] == "ngram:qwen4-exp");
  CHECK(cells[0].axes.model == "ngram:qwen4-exp, rows of 170 B");
  CHECK(cells[2].axes.placement == "lru,unit=page");
  CHECK(std::ranges::find(cells[2].words, "16MiB,1GiB") != cells[2].words.end());
  CHECK(cells[3].axes.model.empty());
  const auto refused = [](const std::string& lines) {
    return
        [lines] { Plan::parse("name = \"p\"\n[[matrix]]\ntraces = [\"t\"]\nplacements = [\"nvme\"]\n" + lines, "p"); };
  };
  CHECK_THROWS_WITH(refused("")(), Catch::Contains("models"));
  CHECK_THROWS_WITH(refused("addressing = \"token\"\nrow_bytes = 9")(), Catch::Contains("nothing to measure"));
  CHECK_THROWS_WITH(refused("addressing = \"token\"\nsources = [\"simulated\"]")(), Catch::Contains("row_bytes"));
  CHECK_THROWS_WITH(refused("models = [\"m\"]\naddressing = \"token\"")(), Catch::Contains("addressing"));
  CHECK_THROWS_WITH(refused("models = [\"m\"]\nrow_bytes = 9")(), Catch::Contains("row_bytes"));
}

TEST_CASE("shards are disjoint and make up the whole", "[plan]") {
  const auto cells = expand(Plan::parse(with("states = [\"cold\", \"warm\"]\ncompute = [\"none\", \"real\"]"), "p"));
  std::multiset<std::string> all, parts;
  for (const PlannedCell& cell : cells) all.insert(cell.axes.id());
  for (uint32_t k = 1; k <= 3; ++k)
    for (const PlannedCell& cell : cells_of(cells, parse_shard(std::to_string(k) + "/3"))) parts.insert(cell.axes.id());
  CHECK(all == parts);
  for (const char* wrong : {"0/3", "4/3", "1", "a/b", "1/0", "1/2/3"}) CHECK_THROWS_AS(parse_shard(wrong), UsageError);
}

TEST_CASE("a wrong plan says where and how to mend it", "[plan]") {
  using Catch::Contains;
  CHECK_THROWS_WITH(Plan::parse(with("repeat = 2"), "p.toml"), Contains("p.toml") && Contains("'repeats'"));
  CHECK_THROWS_WITH(Plan::parse(with("states = [\"cool\"]"), "p"), Contains("'cold'"));
  CHECK_THROWS_WITH(Plan::parse(with("compute = [\"reel\"]"), "p"), Contains("none, real, paced:DEVICE or paced:10ms"));
  CHECK_THROWS_WITH(Plan::parse(with("compute = []"), "p"), Contains("empty"));
  CHECK_THROWS_WITH(Plan::parse(with("repeats = 0"), "p"), Contains("no repeat"));
  CHECK_THROWS_WITH(Plan::parse("name = \"p\"", "p"), Contains("neither"));
  CHECK_THROWS_WITH(Plan::parse("[[matrix]]", "p"), Contains("name"));
  CHECK_THROWS_WITH(
      Plan::parse("name=\"p\"\n[[matrix]]\nmodels=[\"m\"]\ntraces=[\"t\"]\nplacements=[\"nvme+ram:1MiB:lur\"]", "p"),
      Contains("'lru'") && Contains("placements"));
}

TEST_CASE("two files of one name in a plan are refused: results could not tell them apart", "[plan]") {
  const Plan plan = Plan::parse(
      "name=\"p\"\n[[matrix]]\nmodels=[\"a/m.gguf\",\"b/m.gguf\"]\ntraces=[\"t\"]\nplacements=[\"nvme\"]", "p");
  CHECK_THROWS_WITH(expand(plan), Catch::Contains("different names"));
}
