// That the levels under test are those of the CPU that is emulated: TIERSCOPE_EXPECTED_LEVELS names them.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

#include "runtime/compute/kernels.h"

using namespace tierscope;

TEST_CASE("the CPU's levels are found, each with its own products", "[levels]") {
  const char* expected = std::getenv("TIERSCOPE_EXPECTED_LEVELS");
  REQUIRE(expected != nullptr);
  std::string found;
  for (const CpuLevel level : available_levels()) found += (found.empty() ? "" : " ") + std::string(level_name(level));
  CHECK(found == expected);
  CHECK(chosen_level() == available_levels().back());
  const ProductKernel& best = product_kernel(kernels(chosen_level()), DType::q4_0);
  const std::string token = best.token_name, tile = best.tile_name;
  CHECK((token.find("SDOT") != std::string::npos) == (chosen_level() >= CpuLevel::dotprod));
  CHECK((tile.find("SMMLA") != std::string::npos) == (chosen_level() == CpuLevel::i8mm));
}
