#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "runtime/base/atomic_file.h"
#include "traces/ngram.h"

using namespace tierscope;

namespace {

const nlohmann::json& golden() {
  static const auto json = nlohmann::json::parse(read_text_file("tests/golden/data/ngram/qwen4exp.json"));
  return json;
}

std::vector<RowId> flat_rows() {
  std::vector<RowId> flat;
  for (const auto& rows : golden()["rows"])
    for (const auto& row : rows) flat.push_back(row);
  return flat;
}

}  // namespace

TEST_CASE("qwen4-exp has the published constants", "[ngram_rows]") {
  const NgramGeometry geometry = ngram_preset("qwen4-exp", {});
  CHECK(geometry.layers[0].multipliers == golden()["multipliers"].get<std::vector<uint64_t>>());
  CHECK(geometry.layers[0].head_sizes == golden()["head_sizes"].get<std::vector<uint64_t>>());
  CHECK(geometry.layers[0].head_offsets == golden()["head_offsets"].get<std::vector<uint64_t>>());
  CHECK(geometry.table_rows == 320'001'536);
}

TEST_CASE("qwen4-exp gives the golden rows, whole and in pieces of any size", "[ngram_rows]") {
  const auto tokens = golden()["tokens"].get<std::vector<TokenId>>();
  const auto addressing = parse_addressing("ngram:qwen4-exp");
  const std::vector<RowId> expected = flat_rows();
  for (size_t piece = 1; piece <= tokens.size(); ++piece) {
    std::vector<RowId> rows;
    for (size_t at = 0; at < tokens.size(); at += piece) {
      const size_t kept = std::min<size_t>(at, addressing->history_tokens());
      addressing->rows(std::span(tokens).subspan(at - kept, kept),
                       std::span(tokens).subspan(at, std::min(piece, tokens.size() - at)), rows);
    }
    CHECK(rows == expected);
  }
}

TEST_CASE("the keys of a model file give the same rows as the preset", "[ngram_rows]") {
  NgramKeys keys;
  keys.origin = "model.gguf";
  keys.vocab = 248320;
  keys.table_rows = 320'001'536;
  keys.ngram_size = 3;
  keys.heads_per_ngram = 8;
  keys.eos_token_id = 248044;
  keys.layers = {1};
  keys.head_vocab_sizes = golden()["head_sizes"].get<std::vector<uint64_t>>();
  keys.head_offsets = golden()["head_offsets"].get<std::vector<uint64_t>>();
  keys.layer_multipliers = golden()["multipliers"].get<std::vector<uint64_t>>();
  std::vector<RowId> rows;
  make_ngram_addressing(ngram_geometry(keys))->rows({}, golden()["tokens"].get<std::vector<TokenId>>(), rows);
  CHECK(rows == flat_rows());
}
