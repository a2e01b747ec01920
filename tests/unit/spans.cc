#include "runtime/metrics/spans.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "runtime/base/atomic_file.h"

using namespace tierscope;

TEST_CASE("a timeline is Chrome trace JSON with named tracks", "[spans]") {
  SpanRecorder spans;
  const uint32_t reads = spans.track("reads \"slot\" 0"), steps = spans.track("steps");
  const auto now = SpanRecorder::Clock::now();
  spans.add(reads, "read", now, now + std::chrono::microseconds(80), "bytes", 10240);
  spans.add(steps, "wait", now, now + std::chrono::microseconds(90));
  const auto path = std::filesystem::temp_directory_path() / "tierscope-spans.json";
  spans.write(path);
  const auto json = nlohmann::json::parse(read_text_file(path));
  std::filesystem::remove(path);
  const auto& events = json.at("traceEvents");
  REQUIRE(events.size() == 5);
  CHECK(events[0].at("args").at("name") == "reads \"slot\" 0");
  CHECK(events[2].at("ph") == "X");
  CHECK(events[2].at("dur").get<double>() == Approx(80));
  CHECK(events[2].at("args").at("bytes") == 10240);
  CHECK(events[3].at("tid") == 1);
}
