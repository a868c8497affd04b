#include "cli/chat/line_editor.h"

#include <fcntl.h>
#include <histedit.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cwchar>
#include <string_view>
#include <utility>

#include "orrery/base/error.h"

namespace orrery::cli {
namespace {

constexpr int kHistoryLines = 1000;
constexpr size_t kNoCharacter = static_cast<size_t>(-1), kIncomplete = static_cast<size_t>(-2);  // of mbrtowc
constexpr std::wstring_view kPasteEnd = L"\x1b[201~";

// Set by the signal handler, which also writes a byte into the pipe: a wait for the next key sees a signal that came
// before it began, on whatever thread.
std::atomic<bool> interrupted, resized, continued;
std::array<int, 2> signal_pipe = {-1, -1};

void on_signal(int signal) {
  const int error = errno;
  if (signal == SIGINT) interrupted = true;
  if (signal == SIGWINCH) resized = true;
  if (signal == SIGCONT) continued = true;
  [[maybe_unused]] const ssize_t written = ::write(signal_pipe[1], "", 1);  // full: it wakes all the same
  errno = error;
}

void forget_signals() {
  char bytes[64];
  while (::read(signal_pipe[0], bytes, sizeof bytes) > 0) {
  }
}

// Blocks until there is a key or a signal; true for a key.
bool wait_for_key() {
  std::array<pollfd, 2> inputs = {{{STDIN_FILENO, POLLIN, 0}, {signal_pipe[0], POLLIN, 0}}};
  while (::poll(inputs.data(), inputs.size(), -1) < 0 && errno == EINTR) {
  }
  if (inputs[1].revents == 0) return true;
  forget_signals();
  return false;
}

// While it lives, Ctrl-C gives the line up instead of ending the program.
class Signals {
 public:
  Signals() {
    if (::pipe2(signal_pipe.data(), O_NONBLOCK | O_CLOEXEC) != 0)
      throw Error({.doing = "read from the terminal", .found = "no free file descriptor"});
    struct sigaction handler {};
    handler.sa_handler = on_signal;
    handler.sa_flags = SA_RESTART;
    for (size_t i = 0; i < kWatched.size(); ++i) ::sigaction(kWatched[i], &handler, &previous_[i]);
  }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals() {
    for (size_t i = 0; i < kWatched.size(); ++i) ::sigaction(kWatched[i], &previous_[i], nullptr);
    for (int& end : signal_pipe) ::close(std::exchange(end, -1));
  }

 private:
  static constexpr std::array kWatched = {SIGINT, SIGWINCH, SIGCONT};
  std::array<struct sigaction, kWatched.size()> previous_{};
};

// libedit's reader of one character: 1 for one, 0 at the end, -1 to give the line up.
int read_character(EditLine* editor, wchar_t* character) {
  std::mbstate_t state{};
  for (;;) {
    if (!wait_for_key()) {
      if (interrupted) return -1;
      if (continued.exchange(false)) el_set(editor, EL_PREP_TERM, 1);
      if (resized.exchange(false)) el_resize(editor);
      std::fputs("\r\x1b[J", stdout);  // what stands there, the editor draws again
      std::fflush(stdout);
      el_set(editor, EL_REFRESH);
      continue;
    }
    char byte;
    const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return static_cast<int>(got);
    size_t used = std::mbrtowc(character, &byte, 1, &state);
    if (used == kNoCharacter) {  // what began before was none: left out, and this byte may begin one
      state = {};
      used = std::mbrtowc(character, &byte, 1, &state);
      if (used == kNoCharacter) state = {};
    }
    if (used != kNoCharacter && used != kIncomplete) return 1;
  }
}

unsigned char insert_line_end(EditLine* editor, int) {
  return el_winsertstr(editor, L"\n") == 0 ? CC_REFRESH : CC_ERROR;
}

// Ctrl-D: the end on an empty line, else deletes the character under the cursor.
unsigned char end_or_delete(EditLine* editor, int) {
  const LineInfoW* line = el_wline(editor);
  if (line->buffer == line->lastchar) return CC_EOF;
  if (line->cursor == line->lastchar) return CC_ERROR;
  el_cursor(editor, 1);
  el_deletestr(editor, 1);
  return CC_REFRESH;
}

// Between "paste begins" and "paste ends" every character is text, line ends too.
unsigned char insert_paste(EditLine* editor, int) {
  std::wstring text;
  wchar_t character;
  while (el_wgetc(editor, &character) == 1) {
    text += character == L'\r' ? L'\n' : character;
    if (!text.ends_with(kPasteEnd)) continue;
    text.resize(text.size() - kPasteEnd.size());
    while (text.ends_with(L'\n')) text.pop_back();
    return text.empty() || el_winsertstr(editor, text.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
  }
  return CC_EOF;
}

}  // namespace

struct LineEditor::Impl {
  Signals signals;
  EditLine* editor = nullptr;
  History* history = nullptr;
  std::filesystem::path history_file;
  std::vector<std::string> words;
  std::string prompt;

  static Impl& of(EditLine* editor) {
    void* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    return *static_cast<Impl*>(self);
  }
  static char* prompt_of(EditLine* editor) { return of(editor).prompt.data(); }
  static unsigned char complete(EditLine* editor, int);
};

unsigned char LineEditor::Impl::complete(EditLine* editor, int) {
  const LineInfo* line = el_line(editor);
  const std::string_view typed(line->buffer, static_cast<size_t>(line->cursor - line->buffer));
  std::vector<std::string_view> matches;
  for (const std::string& word : of(editor).words)
    if (!typed.empty() && word.starts_with(typed)) matches.push_back(word);
  if (matches.empty()) return CC_ERROR;
  size_t common = matches.front().size();
  for (std::string_view match : matches)
    while (!match.starts_with(matches.front().substr(0, common))) --common;
  std::string rest(matches.front().substr(typed.size(), common - typed.size()));
  if (matches.size() == 1) rest += ' ';
  if (rest.empty()) return CC_REFRESH_BEEP;
  return el_insertstr(editor, rest.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
}

LineEditor::LineEditor(std::filesystem::path history_file, std::vector<std::string> words)
    : impl_(std::make_unique<Impl>()) {
  // Wide characters follow the locale; where that is plain "C", text is UTF-8 all the same.
  if (std::setlocale(LC_CTYPE, "") == nullptr || MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");
  impl_->history_file = std::move(history_file);
  impl_->words = std::move(words);
  impl_->editor = el_init("orrery", stdin, stdout, stderr);
  impl_->history = history_init();
  if (impl_->editor == nullptr || impl_->history == nullptr)
    throw Error(
        {.doing = "read from the terminal", .found = "a terminal that libedit cannot drive", .advice = "set TERM"});

  HistEvent event;
  history(impl_->history, &event, H_SETSIZE, kHistoryLines);
  history(impl_->history, &event, H_SETUNIQUE, 1);
  std::error_code failed;
  std::filesystem::create_directories(impl_->history_file.parent_path(), failed);
  history(impl_->history, &event, H_LOAD, impl_->history_file.c_str());

  EditLine* editor = impl_->editor;
  el_set(editor, EL_CLIENTDATA, impl_.get());
  el_set(editor, EL_PROMPT_ESC, Impl::prompt_of, '\1');
  el_set(editor, EL_EDITOR, "emacs");
  // While an answer is printed, the terminal puts no ^C of its own into it: the program says where it stopped.
  el_set(editor, EL_SETTY, "-x", "-echoctl", nullptr);
  el_set(editor, EL_HIST, history, impl_->history);
  el_set(editor, EL_GETCFN, read_character);
  el_set(editor, EL_ADDFN, "orrery-complete", "complete a command", Impl::complete);
  el_set(editor, EL_ADDFN, "orrery-line-end", "start a new line", insert_line_end);
  el_set(editor, EL_ADDFN, "orrery-end", "delete a character, or end an empty line", end_or_delete);
  el_set(editor, EL_ADDFN, "orrery-paste", "take pasted text as it is", insert_paste);
  el_set(editor, EL_BIND, "\t", "orrery-complete", nullptr);
  el_set(editor, EL_BIND, "\x1b\r", "orrery-line-end", nullptr);
  el_set(editor, EL_BIND, "\x1b\n", "orrery-line-end", nullptr);
  el_set(editor, EL_BIND, "\x1b[200~", "orrery-paste", nullptr);
  el_set(editor, EL_BIND, "^D", "orrery-end", nullptr);
  el_set(editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  el_source(editor, nullptr);
}

LineEditor::~LineEditor() {
  if (impl_->editor != nullptr) el_end(impl_->editor);
  if (impl_->history != nullptr) history_end(impl_->history);
}

LineEditor::Event LineEditor::read(const std::string& prompt, std::string& line) {
  forget_signals();  // a Ctrl-C that came too late to stop the answer
  interrupted = resized = continued = false;
  impl_->prompt = prompt;
  std::fputs("\x1b[?2004h", stdout);  // ask the terminal to mark pasted text
  std::fflush(stdout);
  el_set(impl_->editor, EL_PREP_TERM,
         1);  // before the prompt, so that keys typed at once are edited by us, not by the terminal
  int length = 0;
  const char* typed = el_gets(impl_->editor, &length);
  std::fputs(typed == nullptr ? "\x1b[?2004l\n" : "\x1b[?2004l", stdout);
  std::fflush(stdout);
  if (interrupted) {
    el_reset(impl_->editor);
    return Event::kInterrupted;
  }
  if (typed == nullptr || length <= 0) return Event::kEnd;
  line.assign(typed, static_cast<size_t>(length));
  if (line.ends_with('\n')) line.pop_back();
  return Event::kLine;
}

void LineEditor::remember(const std::string& text) {
  HistEvent event;
  history(impl_->history, &event, H_ENTER, text.c_str());
  history(impl_->history, &event, H_SAVE, impl_->history_file.c_str());
}

}  // namespace orrery::cli
