#include <catch2/catch.hpp>

#include "runtime/base/error.h"
#include "runtime/placement/placement.h"

using namespace tierscope;

TEST_CASE("a placement's text parses and prints back to itself", "[placement_text]") {
  for (const char* text :
       {"nvme", "ram", "vram", "nvme+ram:64MiB:lru", "nvme+ram:5%:fifo+vram:16MiB:lru", "nvme+ram:4096rows:lru",
        "nvme+ram:64MiB:lru,prefetch=prompt+overlap,access=mmap,layout=packed,unit=page,inclusion=exclusive",
        "nvme,prefetch=draft:4"})
    CHECK(to_text(parse_placement(text)) == text);
}

TEST_CASE("a wrong placement names the nearest word", "[placement_text]") {
  CHECK_THROWS_WITH(parse_placement("nvme+ram:64MiB:lur"), Catch::Contains("'lru'"));
  CHECK_THROWS_WITH(parse_placement("nvm"), Catch::Contains("'nvme'"));
  CHECK_THROWS_WITH(parse_placement("nvme,prefech=overlap"), Catch::Contains("'prefetch'"));
  CHECK_THROWS_WITH(parse_placement("nvme+ram:0:lru"), Catch::Contains("holds nothing"));
  CHECK_THROWS_WITH(parse_placement("ram+nvme:1MiB:lru"), Catch::Contains("bottom to top"));
  CHECK_THROWS_WITH(parse_placement("nvme+ram:1MiB:lru+ram:1MiB:lru"), Catch::Contains("twice"));
  CHECK_THROWS_AS(parse_placement("nvme+ram:64MiB"), UsageError);
}
