#include "orrery/text/tokenizer/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include "orrery/base/error.h"
#include "orrery/text/tokenizer/unicode.h"
#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {

namespace {

constexpr uint32_t kMatchLimit = 10'000'000;  // steps; a fraction of a second
constexpr uint32_t kHeapLimitKib = 256 * 1024;
constexpr size_t kJitStackBytes = 4 << 20;

std::string message_of(int code) {
  PCRE2_UCHAR buffer[256];
  pcre2_get_error_message(code, buffer, sizeof buffer);
  return reinterpret_cast<const char*>(buffer);
}

/// What matching needs and patterns can share; one per thread.
struct MatchState {
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  pcre2_jit_stack* stack = pcre2_jit_stack_create(32 << 10, kJitStackBytes, nullptr);

  MatchState() {
    pcre2_set_match_limit(context, kMatchLimit);
    pcre2_set_heap_limit(context, kHeapLimitKib);
    pcre2_jit_stack_assign(context, nullptr, stack);
  }
  ~MatchState() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    pcre2_jit_stack_free(stack);
  }
};

}  // namespace

Regex::Regex(std::string_view pattern) : pattern_(pattern) {
  const std::string translated = pcre2_from_oniguruma(pattern);
  pcre2_compile_context* context = pcre2_compile_context_create(nullptr);
  pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  int error = 0;
  PCRE2_SIZE where = 0;
  pcre2_code* code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error, &where, context);
  pcre2_compile_context_free(context);
  if (!code) {
    throw Error({.doing = "read a tokenizer's regular expression",
                 .where = pattern_,
                 .found = fmt::format("{} at offset {} of {}", message_of(error), where, translated)});
  }
  code_ = std::shared_ptr<void>(code, [](void* c) { pcre2_code_free(static_cast<pcre2_code*>(c)); });
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // where there is no JIT, pcre2_match interprets
}

bool Regex::find(std::string_view text, size_t from, size_t& begin, size_t& end) const {
  thread_local MatchState state;
  const auto* code = static_cast<const pcre2_code*>(code_.get());
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  int found = pcre2_match(code, subject, text.size(), from, PCRE2_NO_UTF_CHECK, state.data, state.context);
  if (found == PCRE2_ERROR_JIT_STACKLIMIT) {
    found = pcre2_match(code, subject, text.size(), from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, state.data, state.context);
  }
  if (found == PCRE2_ERROR_NOMATCH) return false;
  if (found < 0) {
    throw Error({.doing = "split a text with the tokenizer's regular expression",
                 .where = pattern_,
                 .found = fmt::format("{} in a text of {} bytes", message_of(found), text.size())});
  }
  const PCRE2_SIZE* span = pcre2_get_ovector_pointer(state.data);
  begin = span[0];
  end = span[1];
  return begin <= end;  // \K in a lookahead can swap them: no match that anyone could use
}

Regex::Search::Search(const Regex& regex, std::string_view text) : regex_(&regex), text_(text) {
  if (shadow_newer(text, shadow_)) text_ = shadow_;
}

bool Regex::Search::next() {
  while (at_ <= text_.size()) {
    const size_t last_end = end_;
    if (!regex_->find(text_, at_, begin_, end_)) {
      at_ = text_.size() + 1;
      return false;
    }
    if (begin_ == end_ && matched_before_ && end_ == last_end) {
      at_ += at_ < text_.size() ? utf8_length(text_[at_]) : 1;
      continue;
    }
    matched_before_ = true;
    at_ = end_;
    return true;
  }
  return false;
}

}  // namespace orrery::text
