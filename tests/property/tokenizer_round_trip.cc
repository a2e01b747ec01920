#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "experiments/vocabulary_file.h"
#include "traces/tokenizer/utf8.h"

using namespace tierscope;

namespace {

Vocabulary small_vocabulary() {
  return read_vocabulary("tests/golden/data/tokenizer/small-gemma4.gguf");
}

void append_code_point(std::string& text, char32_t c) {
  const auto tail = [&](int shift) { text += static_cast<char>(0x80 | (c >> shift & 0x3F)); };
  if (c < 0x80) {
    text += static_cast<char>(c);
  } else if (c < 0x800) {
    text += static_cast<char>(0xC0 | c >> 6);
    tail(0);
  } else if (c < 0x10000) {
    text += static_cast<char>(0xE0 | c >> 12);
    tail(6), tail(0);
  } else {
    text += static_cast<char>(0xF0 | c >> 18);
    tail(12), tail(6), tail(0);
  }
}

bool has_control_token(const std::string& text, const Vocabulary& vocabulary) {
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id)
    if (vocabulary.types[id] == TokenType::control && text.find(vocabulary.tokens[id]) != std::string::npos)
      return true;
  return false;
}

// Words, white space, any code point and raw bytes, without the space mark and without control tokens.
std::string random_text(std::mt19937& random, size_t pieces, const Tokenizer& tokenizer) {
  std::string text;
  while (pieces-- > 0) {
    switch (random() % 8) {
      case 0:
        text += std::string(1 + random() % 12, " \n\t"[random() % 3]);
        break;
      case 1:
        text += static_cast<char>(random());
        break;
      case 2:
        append_code_point(text, random() % 0xD800);
        break;
      case 3:
        append_code_point(text, 0x10000 + random() % 0x100000);
        break;
      case 4:
        text += "<0x4" + std::to_string(random() % 10) + ">";
        break;
      default:
        text += tokenizer.bytes(random() % tokenizer.size());
        break;
    }
  }
  for (size_t at; (at = text.find(kSpaceMark)) != std::string::npos;) text.erase(at, kSpaceMark.size());
  return has_control_token(text, tokenizer.vocabulary()) ? "" : text;
}

// The same tokens with scores, as a `llama` file has them.
Vocabulary scored(Vocabulary vocabulary) {
  vocabulary.kind = "llama";
  vocabulary.merges.clear();
  for (size_t id = 0; id < vocabulary.scores.size(); ++id) vocabulary.scores[id] = -static_cast<float>(id);
  return vocabulary;
}

void check_round_trips(const Tokenizer& tokenizer, uint32_t seed) {
  std::mt19937 random(seed);
  Encoder encoder(tokenizer);
  for (int i = 0; i < 2000; ++i) {
    const std::string text = random_text(random, 1 + random() % 40, tokenizer);
    std::vector<TokenId> ids;
    encoder.encode(text, ids);
    REQUIRE(decode(tokenizer, ids) == text);
  }
}

bool is_valid(std::string_view text) {
  while (!text.empty()) {
    const Utf8Character character = first_character(text);
    if (character.state != Utf8::valid) return false;
    text.remove_prefix(character.bytes);
  }
  return true;
}

}  // namespace

TEST_CASE("any bytes come back from their ids", "[tokenizer_round_trip]") {
  check_round_trips(Tokenizer(small_vocabulary()), 1);
  check_round_trips(Tokenizer(scored(small_vocabulary())), 2);
}

TEST_CASE("every byte comes back alone", "[tokenizer_round_trip]") {
  const Tokenizer tokenizer(small_vocabulary());
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text(1, static_cast<char>(byte));
    CHECK(decode(tokenizer, encode(tokenizer, text)) == text);
  }
}

TEST_CASE("streamed text never ends within a character", "[tokenizer_round_trip]") {
  const Tokenizer tokenizer(small_vocabulary());
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {
    std::string text;
    for (int c = 0; c < 30; ++c) append_code_point(text, random() % 4 ? random() % 0x2500 : 0x1F300 + random() % 0x300);
    Detokenizer detokenizer(tokenizer);
    std::string streamed;
    for (const TokenId id : encode(tokenizer, text)) {
      const std::string part = detokenizer.push(id);
      REQUIRE(is_valid(part));
      streamed += part;
    }
    REQUIRE(detokenizer.finish().empty());
    REQUIRE(streamed == text);
  }
}

TEST_CASE("cutting at spaces and caching change no id", "[tokenizer_round_trip]") {
  Vocabulary vocabulary = small_vocabulary();
  const Tokenizer cutting(vocabulary);
  // Merges that never happen but hold every ASCII character before a space: now nothing may be cut there.
  const size_t ordinary = vocabulary.tokens.size();
  const std::string never = std::string(kSpaceMark) + "\x01\x02";
  const auto add = [&](std::string text) {
    vocabulary.tokens.push_back(std::move(text));
    vocabulary.types.push_back(TokenType::normal);
  };
  add(never);
  for (char c = 33; c < 127; ++c) {
    add(c + never);
    vocabulary.merges.push_back(std::string{c, ' '} + never);
  }
  const Tokenizer whole(vocabulary);
  std::mt19937 random(4);
  Encoder encoder(cutting);
  for (int i = 0; i < 500; ++i) {
    const std::string text = random_text(random, 30, cutting);
    std::vector<TokenId> ids;
    encoder.encode(text, ids);
    const std::vector<TokenId> expected = encode(whole, text);
    REQUIRE(std::ranges::all_of(expected, [&](TokenId id) { return id < ordinary; }));
    REQUIRE(ids == expected);
  }
}
