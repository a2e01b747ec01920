#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "experiments/vocabulary_file.h"
#include "traces/line_reader.h"
#include "traces/tokenizer/utf8.h"

using namespace tierscope;

TEST_CASE("the golden texts have llama.cpp's ids, and the ids give the texts back", "[tokenizer_cases]") {
  const Tokenizer tokenizer(read_vocabulary("tests/golden/data/tokenizer/small-gemma4.gguf"));
  LineReader lines("tests/golden/data/tokenizer/cases.jsonl");
  Encoder encoder(tokenizer);
  size_t cases = 0;
  for (std::string line; lines.next(line); ++cases) {
    const auto json = nlohmann::json::parse(line);
    const std::string text = json["text"];
    const auto expected = json["ids"].get<std::vector<TokenId>>();
    std::vector<TokenId> ids;
    encoder.encode(text, ids);
    CHECK(ids == expected);
    const bool has_control = text.find("<bos>") != std::string::npos || text.find("_of_turn>") != std::string::npos;
    if (!has_control && text.find(kSpaceMark) == std::string::npos) CHECK(decode(tokenizer, ids) == text);
  }
  CHECK(cases == 84);
}
