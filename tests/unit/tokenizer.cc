#include "traces/tokenizer.h"

#include <catch2/catch.hpp>

#include "experiments/vocabulary_file.h"
#include "runtime/base/error.h"
#include "traces/chat.h"

using namespace tierscope;

namespace {

Vocabulary tiny() {
  Vocabulary vocabulary;
  vocabulary.origin = "tiny.gguf";
  vocabulary.kind = "gemma4";
  const auto add = [&](std::string text, TokenType type) {
    vocabulary.tokens.push_back(std::move(text));
    vocabulary.types.push_back(type);
    vocabulary.scores.push_back(-static_cast<float>(vocabulary.scores.size()));
  };
  add("<unk>", TokenType::unknown);
  add("<start_of_turn>", TokenType::control);
  add("<end_of_turn>", TokenType::control);
  for (const char* text : {"a", "b", "c", "bc", "ab", "abc", "\xE2\x96\x81",
                           "\xE2\x96\x81"
                           "a",
                           "\n\n\n"})
    add(text, TokenType::normal);
  vocabulary.unknown = 0;
  vocabulary.merges = {"b c", "a b", "a bc", "\xE2\x96\x81 a"};
  return vocabulary;
}

std::vector<std::string> pieces(const Vocabulary& vocabulary, std::string_view text) {
  const Tokenizer tokenizer(vocabulary);
  std::vector<std::string> out;
  for (const TokenId id : encode(tokenizer, text)) out.push_back(vocabulary.tokens[id]);
  return out;
}

std::string refusal(const Vocabulary& vocabulary) {
  try {
    Tokenizer{vocabulary};
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

using Pieces = std::vector<std::string>;

}  // namespace

TEST_CASE("the better rank merges first, then the leftmost", "[tokenizer]") {
  CHECK(pieces(tiny(), "abc") == Pieces{"abc"});
  CHECK(pieces(tiny(), "abab") == Pieces{"ab", "ab"});
  CHECK(pieces(tiny(), "abbc") == Pieces{"ab", "bc"});
  CHECK(pieces(tiny(), "a ab") == Pieces{"a", "\xE2\x96\x81", "ab"});
}

TEST_CASE("what merges into no token falls back to bytes", "[tokenizer]") {
  Vocabulary vocabulary = tiny();
  vocabulary.merges = {"a a", "aa b"};
  CHECK(pieces(vocabulary, "aab") == Pieces{"<unk>", "<unk>", "<unk>"});
  vocabulary.tokens[8] = "aab";
  CHECK(pieces(vocabulary, "aab") == Pieces{"aab"});
}

TEST_CASE("scores: the larger wins", "[tokenizer]") {
  Vocabulary vocabulary = tiny();
  vocabulary.kind = "llama";
  CHECK(pieces(vocabulary, "abc") == Pieces{"abc"});
  vocabulary.tokens[8] = "unused";
  CHECK(pieces(vocabulary, "abc") == Pieces{"a", "bc"});
  vocabulary.scores[7] = 5;
  CHECK(pieces(vocabulary, "abc") == Pieces{"ab", "c"});
  vocabulary.add_space_prefix = true;
  const Tokenizer tokenizer(vocabulary);
  CHECK(decode(tokenizer, encode(tokenizer, "ab")) == "ab");
  CHECK(pieces(vocabulary, "ab")[0] == "\xE2\x96\x81");
}

TEST_CASE("a newline run that is a token stays whole; control tokens are recognised", "[tokenizer]") {
  CHECK(pieces(tiny(), "a\n\n\nb") == Pieces{"a", "\n\n\n", "b"});
  CHECK(pieces(tiny(), "a\nb") == Pieces{"a", "<unk>", "b"});
  CHECK(pieces(tiny(), "a<end_of_turn>b") == Pieces{"a", "<end_of_turn>", "b"});
}

TEST_CASE("the longest special token wins wherever it begins", "[tokenizer]") {
  Vocabulary vocabulary = tiny();
  vocabulary.tokens[1] = "aXX";
  vocabulary.tokens[2] = "XXXb";
  CHECK(pieces(vocabulary, "aXXXb") == Pieces{"a", "XXXb"});
  CHECK(pieces(vocabulary, "aXXb") == Pieces{"aXX", "b"});
}

TEST_CASE("a long line without any border is cut in time that grows gently", "[tokenizer]") {
  const Tokenizer tokenizer(tiny());
  const std::string line(1 << 20, 'b');
  CHECK(encode(tokenizer, line).size() == line.size());
}

TEST_CASE("chat markers come from the template, else from the vocabulary", "[tokenizer]") {
  Vocabulary vocabulary = tiny();
  CHECK(find_chat_markers(Tokenizer(vocabulary))->turn_start == "<start_of_turn>");
  vocabulary.tokens[1] = "<|turn>";
  CHECK_FALSE(find_chat_markers(Tokenizer(vocabulary)));
  vocabulary.tokens[2] = "<turn|>";
  const auto markers = find_chat_markers(Tokenizer(vocabulary));
  const std::vector<ChatTurn> turns{{"system", "S"}, {"user", "U"}};
  CHECK(chat_prompt(*markers, turns) == "<|turn>system\nS<turn|>\n<|turn>user\nU<turn|>\n<|turn>model\n");
  CHECK(chat_prompt(*find_chat_markers(Tokenizer(tiny())), turns) ==
        "<start_of_turn>user\nS\n\nU<end_of_turn>\n<start_of_turn>model\n");
}

TEST_CASE("broken vocabularies are refused with file and reason", "[tokenizer]") {
  const auto changed = [](auto change) {
    Vocabulary vocabulary = tiny();
    change(vocabulary);
    return refusal(vocabulary);
  };
  CHECK(refusal(tiny()).empty());
  CHECK_THAT(changed([](auto& v) { v.kind = "gpt2"; }), Catch::Contains("tiny.gguf") && Catch::Contains("gemma4"));
  CHECK_THAT(changed([](auto& v) { v.merges[1] = "ab"; }), Catch::Contains("merge 1 'ab'"));
  CHECK_THAT(changed([](auto& v) { v.merges[1] = "b "; }), Catch::Contains("not two parts"));
  CHECK_THAT(changed([](auto& v) { v.merges.clear(); }), Catch::Contains("needs merges"));
  CHECK_THAT(changed([](auto& v) { v.types.pop_back(); }), Catch::Contains("types"));
  CHECK_THAT(changed([](auto& v) { v.unknown.reset(); }), Catch::Contains("byte tokens"));
  CHECK_THAT(changed([](auto& v) { v.tokens.clear(); }), Catch::Contains("no vocabulary"));
  CHECK_THAT(changed([](auto& v) { v.bos = 99; }), Catch::Contains("outside"));
  CHECK_THAT(changed([](auto& v) { v.kind = "llama", v.scores[3] = NAN; }), Catch::Contains("score"));
  CHECK_THROWS_WITH(decode(Tokenizer(tiny()), {99}), Catch::Contains("token 99"));
  CHECK_THROWS_WITH(read_vocabulary("tests/golden/data/tokenizer/cases.jsonl"), Catch::Contains("JSON"));
}
