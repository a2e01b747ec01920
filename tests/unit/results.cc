#include "reports/result.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "reports/report.h"
#include "runtime/base/error.h"

using namespace tierscope;

namespace {

struct Folder {
  std::filesystem::path path;
  explicit Folder(const char* name) : path(std::filesystem::temp_directory_path() / name) {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
    std::ofstream(path / "manifest.json") << R"({"tierscope_manifest":1,"name":"test"})";
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

Result make_result(const std::string& placement, uint32_t repeat, double tpot_ms) {
  Result result;
  result.axes.model = "m.gguf";
  result.axes.trace = "t.jsonl";
  result.axes.placement = placement;
  result.axes.state = "cold";
  result.axes.compute = "real";
  result.repeat = repeat;
  result.ok = true;
  result.command = "tierscope replay";
  result.started_at = "2026-01-01T00:00:00Z";
  result.wall_s = 1.5;
  result.table_bytes = 1000;
  const bool in_ram = placement == "ram";
  result.output = nlohmann::json{{"tpot_ms", {{"mean", tpot_ms}}},
                                 {"accesses", 100},
                                 {"levels", nlohmann::json::array()},
                                 {"backing", {{"tier", in_ram ? "ram" : "nvme"}, {"reads", 100}}}}
                      .dump();
  return result;
}

void fill(const Folder& folder, double scale) {
  ResultLog log(folder.path);
  for (uint32_t repeat = 0; repeat < 3; ++repeat) {
    log.append(make_result("nvme", repeat, scale * (100 + repeat)));
    log.append(make_result("ram", repeat, 50 + repeat));
  }
}

}  // namespace

TEST_CASE("a result's line parses back to itself", "[results]") {
  const Result written = make_result("nvme+ram:4rows:lru", 2, 12.5);
  const Result read = parse_result(to_line(written), "here");
  CHECK(read.axes == written.axes);
  CHECK(read.axes.id() == written.axes.id());
  CHECK(read.repeat == 2);
  CHECK(nlohmann::json::parse(read.output) == nlohmann::json::parse(written.output));
  CHECK_THROWS_WITH(parse_result("{}", "f:3"), Catch::Contains("f:3"));
}

TEST_CASE("each axis is part of a cell's identity", "[results]") {
  CellAxes axes;
  std::string before = axes.id();
  const auto changed = [&] {
    const std::string now = axes.id();
    const bool differs = now != before;
    before = now;
    return differs;
  };
  axes.source = ResultSource::simulated;
  CHECK(changed());
  for (std::string* text :
       {&axes.model, &axes.trace, &axes.placement, &axes.state, &axes.compute, &axes.device, &axes.backend}) {
    *text = "x";
    CHECK(changed());
  }
  axes.requests = 1;
  CHECK(changed());
  axes.threads = 1;
  CHECK(changed());
  axes.chunk = 1;
  CHECK(changed());
}

TEST_CASE("a torn last line is left out, then cut off, and nothing else is lost", "[results]") {
  const Folder folder("tierscope-results-torn");
  fill(folder, 1);
  std::ofstream(folder.path / "results.jsonl", std::ios::app) << R"({"tierscope_result":1,"cel)";
  CHECK(read_results(folder.path).size() == 6);
  { ResultLog(folder.path).append(make_result("vram", 0, 1)); }
  CHECK(read_results(folder.path).size() == 7);
}

TEST_CASE("of two results of one repeat the later counts", "[results]") {
  const Folder folder("tierscope-results-twice");
  ResultLog log(folder.path);
  Result failed = make_result("nvme", 0, 1);
  failed.ok = false;
  failed.error = "disk";
  log.append(failed);
  log.append(make_result("nvme", 0, 2));
  const auto results = read_results(folder.path);
  REQUIRE(results.size() == 1);
  CHECK(results[0].ok);
}

TEST_CASE("two runners cannot append to one folder", "[results]") {
  const Folder folder("tierscope-results-lock");
  const ResultLog first(folder.path);
  CHECK_THROWS_WITH(ResultLog(folder.path), Catch::Contains("another run"));
}

TEST_CASE("the report answers first: fastest, balanced, smallest", "[results]") {
  const Folder folder("tierscope-results-answer");
  fill(folder, 1);
  const Report report = make_report({folder.path});
  REQUIRE(report.answers.size() == 1);
  const auto& advice = report.answers[0].advice;
  REQUIRE(advice.size() == 3);
  CHECK(report.run.cells[advice[0].cell].axes.placement == "ram");
  CHECK(report.run.cells[advice[1].cell].axes.placement == "ram");
  CHECK(report.run.cells[advice[2].cell].axes.placement == "nvme");
  CHECK(median_of(report.run.cells[advice[0].cell], "fast_bytes") == 1000.0);
  CHECK(median_of(report.run.cells[advice[2].cell], "fast_bytes") == 0.0);
}

TEST_CASE("two runs that share cells are compared and a regression is found", "[results]") {
  const Folder before("tierscope-results-before"), after("tierscope-results-after");
  fill(before, 1);
  fill(after, 1.5);
  const Report report = make_report({before.path, after.path});
  REQUIRE(report.comparison);
  size_t regressions = 0;
  for (const Change& change : report.comparison->changes) {
    if (change.verdict != Verdict::regression) continue;
    ++regressions;
    CHECK(report.run.cells[change.cell_b].axes.placement == "nvme");
    CHECK(change.difference.relative == Approx(0.5));
  }
  CHECK(regressions == 1);
  CHECK_FALSE(make_report({before.path, after.path}, ManyFolders::merge).comparison);
}

TEST_CASE("every format renders, and CSV, JSON and Markdown show the same figure", "[results]") {
  const Folder folder("tierscope-results-formats");
  fill(folder, 1);
  const Report report = make_report({folder.path});
  CHECK_THAT(render_csv(report), Catch::Contains(",nvme,cold,real,") && Catch::Contains(",101,"));
  CHECK_THAT(render_markdown(report), Catch::Contains("101 ms"));
  const auto json = nlohmann::json::parse(render_json(report));
  CHECK(json["cells"]["figures"]["tpot_ms_mean"]["median"] == nlohmann::json({101, 51}));
  CHECK_THROWS_WITH(report_format_of("x.htm"), Catch::Contains(".html"));
}

TEST_CASE("what was not measured carries its reason", "[results]") {
  CellAxes axes;
  CHECK(caveats(axes, nlohmann::json::object()).empty());
  CHECK(caveats(axes, {{"backend", "opencl: PoCL cpu"}}) ==
        std::vector<std::string>{"PoCL, which says nothing about a GPU"});
  CHECK(caveats(axes, {{"emulated_device", "phone"}}) == std::vector<std::string>{"emulated"});
  CHECK(caveats(axes, {{"page_cache", "unbounded page cache"}}) == std::vector<std::string>{"unbounded page cache"});
  axes.compute = "paced:phone";
  CHECK(caveats(axes, nlohmann::json::object()) == std::vector<std::string>{"paced"});
  axes.source = ResultSource::simulated;
  axes.compute = "";
  CHECK(caveats(axes, nlohmann::json::object()) == std::vector<std::string>{"counted"});
  axes.device = "phone";
  CHECK(caveats(axes, nlohmann::json::object()) == std::vector<std::string>{"modelled"});
}
