#include <catch2/catch.hpp>
#include <regex>

#include "runtime/base/error.h"
#include "sim/device_profile.h"

using namespace tierscope;

namespace {

std::string template_text() {
  return std::string(profile_text("template"));
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

void check_message(const std::string& toml, const std::string& part) {
  CHECK_THROWS_WITH(parse_profile(toml, "p.toml"), Catch::Contains(part) && Catch::Contains("p.toml"));
}

}  // namespace

TEST_CASE("the template documents every key a profile can have", "[device_profile]") {
  const DeviceProfile profile = parse_profile(template_text(), "template");
  const std::string written = to_toml(profile);
  const std::regex key(R"((?:^|[\n{,]\s*)([a-z0-9_]+) = )");
  size_t keys = 0;
  for (std::sregex_iterator at(written.begin(), written.end(), key), end; at != end; ++at, ++keys)
    CHECK_THAT(template_text(), Catch::Contains((*at)[1].str() + " = "));
  CHECK(keys > 60);
  CHECK(to_toml(parse_profile(written, "again")) == written);
}

TEST_CASE("every carried profile reads, and each figure has its source", "[device_profile]") {
  CHECK(profile_names().size() >= 8);
  for (const std::string& name : profile_names()) {
    INFO(name);
    const DeviceProfile profile = find_profile(name);
    CHECK(profile.name == name);
    CHECK_FALSE(profile.title.empty());
    // The reader refuses any figure without source: take each source away in turn and see that it does.
    const std::string text(profile_text(name));
    const std::regex source("source = \"[^\"]*\"");
    size_t sources = 0;
    for (std::sregex_iterator at(text.begin(), text.end(), source), end; at != end; ++at, ++sources) {
      std::string without = text;
      without.replace(static_cast<size_t>(at->position()), static_cast<size_t>(at->length()), "source = \"\"");
      CHECK_THROWS_AS(parse_profile(without, name), Error);
    }
    CHECK(sources >= 10);
  }
}

TEST_CASE("impossible or incomplete profiles are refused with file, line and key", "[device_profile]") {
  const std::string good = template_text();
  check_message(replaced(good, "value = 2.0e9", "value = 2.0"), "nvme.sequential_bytes_per_s.value: 2 is impossible");
  check_message(replaced(good, "value = 2.0e9", "value = 0"), "impossible");
  check_message(replaced(good, "depth = 1\n", "depth = 2\n"), "depth 1 is missing");
  check_message(replaced(good, "depth = 64\n", "depth = 1\n"), "every random read has depth 1");
  check_message(replaced(good, "iops = 120000", "iops = 1200000"), "faster than sequential");
  check_message(replaced(good, "p50 = 500", "p50 = 700"), "must not fall");
  check_message(replaced(good, "iops = 13000", "iops = 90000"), "need more than depth 1");
  check_message(replaced(good, ", source = \"datasheet: 24 GB\"", ""), "has no source");
  check_message(replaced(good, "datasheet: 24 GB\"", "24 GB\""), "does not say what it is");
  check_message(replaced(good, "seq", "sek"), "is missing");
  check_message(replaced(good, "noise = 0.02", "nois = 0.02"), "did you mean 'noise'");
  check_message(replaced(good, "on = \"cpu\"", "on = \"gpu\""), "not a place to compute");
  check_message("title = 3", "no device profile");
  check_message("[nvme", "not valid TOML");
  CHECK_THROWS_WITH(find_profile("phone-ufs3"), Catch::Contains("'phone-ufs4'"));
}
