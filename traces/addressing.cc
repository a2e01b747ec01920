#include "traces/addressing.h"

#include <algorithm>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "traces/addressings/addressings.h"

namespace tierscope {

const std::vector<AddressingKind>& addressing_kinds() {
  static const std::vector<AddressingKind> all{
      token_addressing(),
      ngram_addressing(),
  };
  return all;
}

std::unique_ptr<Addressing> parse_addressing(std::string_view text) {
  const std::vector<std::string> words = split(text, ':');
  const auto kind = std::ranges::find(addressing_kinds(), words[0], &AddressingKind::name);
  if (kind != addressing_kinds().end()) return kind->make(std::span(words).subspan(1));
  std::vector<std::string> known;
  for (const AddressingKind& each : addressing_kinds()) known.push_back(each.name);
  throw UsageError(unknown_name("addressing", words[0], known), "--addressing");
}

void append_rows(const Request& request, const Addressing& addressing, std::vector<RowId>& out) {
  if (!request.rows.empty()) {
    for (const auto& rows : request.rows) out.insert(out.end(), rows.begin(), rows.end());
    return;
  }
  addressing.rows({}, request.prompt, out);
  const std::span history =
      std::span(request.prompt).last(std::min<size_t>(request.prompt.size(), addressing.history_tokens()));
  addressing.rows(history, request.output, out);
}

std::string addressing_caveat(const Addressing& addressing, const TraceHeader& trace) {
  const std::string caveat = addressing.caveat();
  if (caveat.empty()) return "";
  // A header's tokenizer begins with the family's name: "Gemma 3 vocabulary, 262144 entries".
  const std::string family = split(trim(trace.tokenizer), ' ').front();
  return caveat + ", " + (family.empty() ? "other" : family) + " tokens";
}

}  // namespace tierscope
