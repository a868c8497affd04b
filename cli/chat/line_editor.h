// A line of text from a person at a terminal: editing, history, completion (libedit).
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace orrery::cli {

/// Emacs keys, arrows, Ctrl-R; ~/.editrc is obeyed. Alt-Enter starts a new line, and pasted text keeps its lines.
class LineEditor {
 public:
  enum class Event { kLine, kInterrupted, kEnd };  ///< Enter; Ctrl-C; Ctrl-D on an empty line

  /// The history is read from and kept in `history_file` (mode 0600); the folder is made when needed. Tab completes
  /// `words` at the beginning of the line.
  LineEditor(std::filesystem::path history_file, std::vector<std::string> words);
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;
  ~LineEditor();

  /// `line` gets what was typed, without the line end. The prompt may hold colour sequences between \1 characters.
  Event read(const std::string& prompt, std::string& line);
  /// Adds to the history, on disk too.
  void remember(const std::string& text);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace orrery::cli
