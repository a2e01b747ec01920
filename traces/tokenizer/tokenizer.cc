#include "traces/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <deque>
#include <unordered_map>
#include <utility>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "traces/tokenizer/merger.h"
#include "traces/tokenizer/special_tokens.h"
#include "traces/tokenizer/utf8.h"

namespace tierscope {
namespace {

std::string with_spaces(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const bool mark = text.substr(at).starts_with(kSpaceMark);
    out += mark ? ' ' : text[at];
    at += mark ? kSpaceMark.size() : 1;
  }
  return out;
}

// "<0x0A>" -> 10.
std::optional<uint8_t> byte_of(std::string_view token) {
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  const int high = digit(token[3]), low = digit(token[4]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<uint8_t>(high * 16 + low);
}

// Larger scores first, as integers that grow the other way.
uint32_t priority_of_score(float score) {
  const uint32_t bits = std::bit_cast<uint32_t>(score + 0.0F);  // -0 becomes 0
  const uint32_t ascending = bits & 0x80000000 ? ~bits : bits | 0x80000000;
  return ~ascending;
}

}  // namespace

struct Tokenizer::State {
  Vocabulary vocabulary;
  std::unordered_map<std::string_view, Symbol> symbols;  // tokens, then texts that only take part in merges
  std::deque<std::string> extra_texts;                   // of the latter; what is left of them becomes bytes
  std::array<Symbol, 128> ascii{};
  FlatMap<Symbol> characters;  // code point -> symbol
  MergeTable merges;
  SpecialTokens specials;
  std::array<TokenId, 256> byte_tokens{};
  std::vector<std::string> bytes;  // by token
  bool newline_runs_apart = false;
  // By byte: may a token hold this byte and then a space? Where not, no merge crosses that border.
  std::array<bool, 256> joins_space{};

  explicit State(Vocabulary v)
      : vocabulary(std::move(v)), merges(std::max(vocabulary.merges.size(), vocabulary.tokens.size() * 2)) {
    check_counts();
    index_tokens();
    if (vocabulary.kind == "gemma4") {
      newline_runs_apart = true;
      add_ranked_merges();
    } else if (vocabulary.kind == "llama") {
      add_scored_merges();
    } else {
      throw Error(unknown_name("tokenizer kind", vocabulary.kind, std::vector<std::string>{"gemma4", "llama"}),
                  vocabulary.origin, "use a file with the tokenizer of Gemma");
    }
    index_characters();
  }

  void check_counts() const {
    const Vocabulary& v = vocabulary;
    if (v.tokens.empty())
      throw Error("the file has no vocabulary", v.origin, "use a file that holds tokenizer.ggml.tokens");
    if (v.types.size() != v.tokens.size())
      throw Error(fmt::format("{} token types for {} tokens", v.types.size(), v.tokens.size()), v.origin);
    if (v.kind == "llama" && v.scores.size() != v.tokens.size())
      throw Error(fmt::format("{} scores for {} tokens", v.scores.size(), v.tokens.size()), v.origin);
    for (const auto& id : {v.bos, v.eos, v.end_of_turn, v.unknown})
      if (id && *id >= v.tokens.size())
        throw Error(fmt::format("special token {} is outside the vocabulary of {}", *id, v.tokens.size()), v.origin);
  }

  void index_tokens() {
    const TokenId none = UINT32_MAX;
    byte_tokens.fill(none);
    bytes.resize(vocabulary.tokens.size());
    symbols.reserve(vocabulary.tokens.size());
    for (TokenId id = 0; id < vocabulary.tokens.size(); ++id) {
      const std::string& text = vocabulary.tokens[id];
      const TokenType type = vocabulary.types[id];
      symbols.emplace(text, id);
      if (type == TokenType::control || type == TokenType::user_defined || type == TokenType::unknown)
        specials.add(text, id);
      const auto byte = type == TokenType::byte ? byte_of(text) : std::nullopt;
      if (byte) byte_tokens[*byte] = id;
      if (type != TokenType::control && type != TokenType::unknown)
        bytes[id] = byte ? std::string(1, static_cast<char>(*byte)) : with_spaces(text);
    }
    for (TokenId& id : byte_tokens) {
      if (id == none && !vocabulary.unknown)
        throw Error("the vocabulary has neither all 256 byte tokens nor an unknown token", vocabulary.origin,
                    "the file is incomplete; convert the model again");
      if (id == none) id = *vocabulary.unknown;
    }
  }

  Symbol symbol_of(std::string_view text) {
    const auto known = symbols.find(text);
    if (known != symbols.end()) return known->second;
    const Symbol symbol = static_cast<Symbol>(vocabulary.tokens.size() + extra_texts.size());
    symbols.emplace(extra_texts.emplace_back(text), symbol);
    return symbol;
  }

  void add_merge(Symbol left, Symbol right, std::string_view text, Merge merge) {
    merges.add(left, right, merge);
    for (size_t at = text.find(kSpaceMark, 1); at != std::string_view::npos; at = text.find(kSpaceMark, at + 1))
      if (!text.substr(0, at).ends_with(kSpaceMark)) joins_space[static_cast<unsigned char>(text[at - 1])] = true;
  }

  void add_ranked_merges() {
    if (vocabulary.merges.empty())
      throw Error("a gemma4 vocabulary needs merges and the file has none", vocabulary.origin,
                  "it should hold tokenizer.ggml.merges");
    std::string joined;
    for (uint32_t rank = 0; rank < vocabulary.merges.size(); ++rank) {
      const std::string_view merge = vocabulary.merges[rank];
      const size_t space = merge.find(' ', 1);
      if (space == std::string_view::npos || space + 1 == merge.size())
        throw Error(fmt::format("merge {} '{}' is not two parts", rank, printable(merge)), vocabulary.origin,
                    "the merges are broken; convert the model again");
      const std::string_view left = merge.substr(0, space), right = merge.substr(space + 1);
      joined.assign(left).append(right);
      add_merge(symbol_of(left), symbol_of(right), joined, {rank, symbol_of(joined)});
    }
  }

  // With scores any two neighbours merge whose joint text is a token; so every way to cut a token is one merge.
  void add_scored_merges() {
    for (const std::string& token : vocabulary.tokens)
      for (std::string_view rest = token; !rest.empty();) {
        const std::string_view character = rest.substr(0, first_character(rest).bytes);
        symbol_of(character);
        rest.remove_prefix(character.size());
      }
    for (TokenId id = 0; id < vocabulary.tokens.size(); ++id) {
      if (!std::isfinite(vocabulary.scores[id]))
        throw Error(fmt::format("the score of token {} is not a number", id), vocabulary.origin);
      const std::string_view text = vocabulary.tokens[id];
      for (size_t cut = 1; cut < text.size(); ++cut) {
        const auto left = symbols.find(text.substr(0, cut)), right = symbols.find(text.substr(cut));
        if (left != symbols.end() && right != symbols.end())
          add_merge(left->second, right->second, text, {priority_of_score(vocabulary.scores[id]), id});
      }
    }
  }

  void index_characters() {
    ascii.fill(kNoSymbol);
    for (const auto& [text, symbol] : symbols) {
      if (text.empty()) continue;
      const Utf8Character character = first_character(text);
      if (character.state != Utf8::valid || character.bytes != text.size()) continue;
      if (character.code_point < ascii.size())
        ascii[character.code_point] = symbol;
      else
        characters.insert(character.code_point, symbol);
    }
    // A space is never itself: it becomes the mark.
    const auto mark = symbols.find(kSpaceMark);
    ascii[' '] = mark == symbols.end() ? kNoSymbol : mark->second;
  }
};

Tokenizer::Tokenizer(Vocabulary vocabulary) : state_(std::make_unique<State>(std::move(vocabulary))) {}
Tokenizer::~Tokenizer() = default;

const Vocabulary& Tokenizer::vocabulary() const {
  return state_->vocabulary;
}
uint32_t Tokenizer::size() const {
  return static_cast<uint32_t>(state_->vocabulary.tokens.size());
}
std::string_view Tokenizer::bytes(TokenId token) const {
  return state_->bytes[token];
}
std::optional<TokenId> Tokenizer::find(std::string_view token) const {
  const auto found = state_->symbols.find(token);
  if (found == state_->symbols.end() || found->second >= size()) return std::nullopt;
  return found->second;
}

struct Encoder::State {
  const Tokenizer::State& tokenizer;
  Merger merger;
  std::vector<Piece> pieces;

  // Ids of short texts seen lately, each in the one place that its hash names.
  struct Cached {
    static constexpr size_t kMostBytes = 30, kMostIds = 8;
    uint8_t bytes = 0, ids = 0;
    char text[kMostBytes] = {};
    TokenId id[kMostIds] = {};
  };
  static constexpr size_t kCacheEntries = 1 << 15;
  std::vector<Cached> cache{kCacheEntries};

  explicit State(const Tokenizer::State& t) : tokenizer(t), merger(t.merges) {}

  static size_t cache_index(std::string_view text) {
    uint64_t hash = text.size();
    for (size_t at = 0; at < text.size(); at += 8) {
      uint64_t word = 0;
      std::memcpy(&word, text.data() + at, std::min<size_t>(8, text.size() - at));
      hash = (hash ^ word) * 0x9E3779B97F4A7C15;
      hash ^= hash >> 29;
    }
    return hash % kCacheEntries;
  }

  // A text without special tokens. `first_space`: a space is put before it.
  void plain(std::string_view text, bool first_space, std::vector<TokenId>& ids) {
    if (first_space) return whole(std::string(" ").append(text), ids);
    whole(text, ids);
  }

  void whole(std::string_view text, std::vector<TokenId>& ids) {
    for (size_t at = 0; at < text.size();) {
      const size_t end = independent_end(text, at);
      independent(text.substr(at, end - at), ids);
      at = end;
    }
  }

  // The end of the text from `at` on that no merge leaves.
  size_t independent_end(std::string_view text, size_t at) const {
    const bool newlines = text[at] == '\n';
    size_t i = at;
    bool after_space = true;
    while (i < text.size()) {
      const bool mark = text[i] == kSpaceMark[0] && text.substr(i).starts_with(kSpaceMark);
      const bool space = text[i] == ' ' || mark;
      if (i > at && space && !after_space && !tokenizer.joins_space[static_cast<unsigned char>(text[i - 1])]) break;
      if (tokenizer.newline_runs_apart && (text[i] == '\n') != newlines) break;
      after_space = space;
      i += mark ? kSpaceMark.size() : 1;
    }
    return i;
  }

  void independent(std::string_view text, std::vector<TokenId>& ids) {
    if (text.size() > Cached::kMostBytes) return merged(text, ids);
    Cached& entry = cache[cache_index(text)];
    if (entry.bytes == text.size() && std::memcmp(entry.text, text.data(), text.size()) == 0) {
      ids.insert(ids.end(), entry.id, entry.id + entry.ids);
      return;
    }
    const size_t first = ids.size();
    merged(text, ids);
    const size_t count = ids.size() - first;
    if (count > Cached::kMostIds) return;
    entry.bytes = static_cast<uint8_t>(text.size());
    entry.ids = static_cast<uint8_t>(count);
    std::memcpy(entry.text, text.data(), text.size());
    std::copy_n(ids.begin() + static_cast<std::ptrdiff_t>(first), count, entry.id);
  }

  void merged(std::string_view text, std::vector<TokenId>& ids) {
    if (tokenizer.newline_runs_apart && text[0] == '\n') {
      const auto run = tokenizer.symbols.find(text);
      if (run != tokenizer.symbols.end()) return ids.push_back(run->second);
    }
    pieces.clear();
    for (size_t at = 0; at < text.size();) {
      const Utf8Character character = first_character(text.substr(at));
      Symbol symbol = kNoSymbol;
      if (character.state == Utf8::valid) {
        const Symbol* found = character.code_point < tokenizer.ascii.size()
                                  ? &tokenizer.ascii[character.code_point]
                                  : tokenizer.characters.find(character.code_point);
        if (found) symbol = *found;
      }
      pieces.push_back({symbol, text.substr(at, character.bytes)});
      at += character.bytes;
    }
    merger.merge(pieces);
    for (const Piece& piece : pieces) {
      if (piece.symbol < tokenizer.vocabulary.tokens.size())
        ids.push_back(piece.symbol);
      else
        for (const char byte : piece.text == " " ? kSpaceMark : piece.text)
          ids.push_back(tokenizer.byte_tokens[static_cast<unsigned char>(byte)]);
    }
  }
};

Encoder::Encoder(const Tokenizer& tokenizer) : state_(std::make_unique<State>(*tokenizer.state_)) {}
Encoder::~Encoder() = default;

void Encoder::encode(std::string_view text, std::vector<TokenId>& ids) {
  const bool space_prefix = state_->tokenizer.vocabulary.add_space_prefix;
  size_t at = 0;
  for (const SpecialTokens::Match& match : state_->tokenizer.specials.find(text)) {
    if (match.at > at) state_->plain(text.substr(at, match.at - at), space_prefix, ids);
    ids.push_back(match.token);
    at = match.at + match.bytes;
  }
  if (at < text.size()) state_->plain(text.substr(at), space_prefix, ids);
}

Detokenizer::Detokenizer(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

std::string Detokenizer::push(TokenId token) {
  if (token >= tokenizer_.size())
    throw Error(fmt::format("token {} is outside the vocabulary of {}", token, tokenizer_.size()),
                tokenizer_.vocabulary().origin, "the ids belong to another vocabulary");
  std::string_view bytes = tokenizer_.bytes(token);
  if (bytes.empty()) return {};
  if (at_start_ && tokenizer_.vocabulary().add_space_prefix && bytes.starts_with(' ')) bytes.remove_prefix(1);
  at_start_ = false;
  held_ += bytes;
  const size_t tail = incomplete_tail_bytes(held_);
  std::string out = held_.substr(0, held_.size() - tail);
  held_.erase(0, out.size());
  return out;
}

std::string Detokenizer::finish() {
  at_start_ = true;
  return std::exchange(held_, {});
}

std::vector<TokenId> encode(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<TokenId> ids;
  Encoder(tokenizer).encode(text, ids);
  return ids;
}

std::string decode(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  Detokenizer detokenizer(tokenizer);
  std::string text;
  for (const TokenId id : ids) text += detokenizer.push(id);
  return text + detokenizer.finish();
}

}  // namespace tierscope
