#include <catch2/catch.hpp>
#include <fstream>

#include "runtime/base/error.h"
#include "traces/ngram.h"

using namespace tierscope;

namespace {

std::vector<RowId> rows_of(const Addressing& addressing, std::vector<TokenId> history, std::vector<TokenId> tokens) {
  std::vector<RowId> rows;
  addressing.rows(history, tokens, rows);
  return rows;
}

NgramGeometry small_geometry() {
  NgramGeometry geometry;
  geometry.text = "small";
  geometry.vocab = 100;
  geometry.max_order = 2;
  geometry.heads_per_order = 2;
  geometry.layers = {{1, {3, 5}, {7, 11}, {0, 7}}};
  geometry.table_rows = 18;
  return geometry;
}

}  // namespace

TEST_CASE("an addressing's text parses and prints back to itself", "[ngram_addressing]") {
  for (const char* text : {"token", "ngram:qwen4-exp", "ngram:qwen4-exp:vocab=262144:eos=1", "ngram:deepseek-engram",
                           "ngram:qwen4-exp:head-rows=1000"})
    CHECK(parse_addressing(text)->text() == text);
}

TEST_CASE("rows are the plain modulo of the hash", "[ngram_addressing]") {
  const NgramGeometry geometry = ngram_preset("qwen4-exp", {});
  const NgramLayer& layer = geometry.layers[0];
  const auto addressing = parse_addressing("ngram:qwen4-exp");
  for (TokenId token = 1; token < 248000; token += 997) {
    const TokenId before = token / 2, first = token / 3;
    const auto rows = rows_of(*addressing, {first, before}, {token});
    const uint64_t mix2 = token * layer.multipliers[0] ^ before * layer.multipliers[1];
    const uint64_t mix3 = mix2 ^ first * layer.multipliers[2];
    for (size_t h = 0; h < 16; ++h)
      REQUIRE(rows[h] == (h < 8 ? mix2 : mix3) % layer.head_sizes[h] + layer.head_offsets[h]);
  }
}

TEST_CASE("another vocabulary changes the multipliers and is said", "[ngram_addressing]") {
  const auto gemma = parse_addressing("ngram:qwen4-exp:vocab=262144:eos=1");
  TraceHeader header;
  header.tokenizer = "Gemma 3 vocabulary, 262144 entries";
  CHECK(addressing_caveat(*gemma, header) == "Qwen4-Exp geometry, Gemma tokens");
  CHECK(addressing_caveat(*parse_addressing("ngram:qwen4-exp"), header).empty());
  CHECK(addressing_caveat(*parse_addressing("token"), header).empty());
  const NgramGeometry geometry = ngram_preset("qwen4-exp", {262144, 1, 0, ""});
  CHECK(geometry.layers[0].multipliers != ngram_preset("qwen4-exp", {}).layers[0].multipliers);
  for (const uint64_t multiplier : geometry.layers[0].multipliers) CHECK(multiplier < (uint64_t{1} << 63) / 262143);
}

TEST_CASE("a window ends at EOS and at the start of the sequence", "[ngram_addressing]") {
  const auto addressing = parse_addressing("ngram:qwen4-exp:vocab=1000:eos=1");
  CHECK(rows_of(*addressing, {}, {5}) == rows_of(*addressing, {9, 1}, {5}));
  CHECK(rows_of(*addressing, {1, 6}, {5}) == rows_of(*addressing, {6}, {5}));
  CHECK(rows_of(*addressing, {9, 6}, {5}) != rows_of(*addressing, {6}, {5}));
  CHECK(rows_of(*addressing, {9, 6}, {1}) != rows_of(*addressing, {6}, {1}));
}

TEST_CASE("DeepSeek's geometry: two layers, one row space, an id map", "[ngram_addressing]") {
  const NgramGeometry geometry = ngram_preset("deepseek-engram", {});
  CHECK(geometry.rows_per_token() == 48);
  CHECK(geometry.layers[1].head_offsets[0] == 384'006'168);
  CHECK(geometry.table_rows == 384'006'168 + 384'016'682);
  const auto addressing = parse_addressing("ngram:deepseek-engram");
  CHECK(addressing->needed_at_block(23) == 1);
  CHECK(addressing->needed_at_block(24) == 14);
  CHECK(addressing->history_tokens() == 3);

  NgramGeometry mapped = ngram_preset("deepseek-engram", {10, 2, 1000, ""});
  mapped.id_map = {0, 1, 2, 3, 3, 5, 6, 7, 8, 9};
  const auto compressed = make_ngram_addressing(mapped);
  CHECK(rows_of(*compressed, {1, 4}, {4, 5}) == rows_of(*compressed, {1, 3}, {3, 5}));
  CHECK(rows_of(*compressed, {}, {4}) != rows_of(*compressed, {}, {5}));
}

TEST_CASE("constants that cannot be are refused", "[ngram_addressing]") {
  CHECK_NOTHROW(check_geometry(small_geometry(), "x"));
  const auto refused = [](auto change) {
    NgramGeometry geometry = small_geometry();
    change(geometry);
    try {
      check_geometry(geometry, "x");
      return std::string();
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  CHECK_THAT(refused([](auto& g) { g.layers[0].multipliers[1] = uint64_t{1} << 60; }), Catch::Contains("overflows"));
  CHECK_THAT(refused([](auto& g) { g.layers[0].head_offsets[1] = 6; }), Catch::Contains("overlap"));
  CHECK_THAT(refused([](auto& g) { g.table_rows = 17; }), Catch::Contains("outside the table"));
  CHECK_THAT(refused([](auto& g) { g.layers[0].head_offsets[1] = UINT64_MAX - 2; }), Catch::Contains("outside"));
  CHECK_THAT(refused([](auto& g) { g.layers[0].head_sizes[0] = 0; }), Catch::Contains("outside the table"));
  CHECK_THAT(refused([](auto& g) { g.table_rows = uint64_t{1} << 33; }), Catch::Contains("32-bit"));
  CHECK_THAT(refused([](auto& g) { g.layers[0].multipliers.pop_back(); }), Catch::Contains("do not fit"));
  CHECK_THAT(refused([](auto& g) { g.boundary = 100; }), Catch::Contains("EOS"));
  CHECK_THAT(refused([](auto& g) { g.id_map = {1, 2}; }), Catch::Contains("id map"));
}

TEST_CASE("wrong texts and tokens are errors that say how to mend", "[ngram_addressing]") {
  CHECK_THROWS_WITH(parse_addressing("ngrm:qwen4-exp"), Catch::Contains("'ngram'"));
  CHECK_THROWS_WITH(parse_addressing("ngram:qwen4-ex"), Catch::Contains("'qwen4-exp'"));
  CHECK_THROWS_WITH(parse_addressing("ngram"), Catch::Contains("preset"));
  CHECK_THROWS_WITH(parse_addressing("ngram:qwen4-exp:vocb=3"), Catch::Contains("'vocab'"));
  CHECK_THROWS_WITH(parse_addressing("ngram:qwen4-exp:vocab=1000"), Catch::Contains("EOS 248044"));
  CHECK_THROWS_AS(parse_addressing("ngram:qwen4-exp:head-rows=4294967295"), UsageError);
  CHECK_THROWS_AS(parse_addressing("token:x"), UsageError);
  CHECK_THROWS_AS(parse_addressing("ngram:deepseek-engram:ids=no-such-file"), Error);
  std::vector<RowId> rows;
  CHECK_THROWS_WITH(parse_addressing("ngram:qwen4-exp")->rows({}, std::vector<TokenId>{1, 248320}, rows),
                    Catch::Contains("token 248320") && Catch::Contains("vocab=262144"));
  CHECK(rows.empty());
}
