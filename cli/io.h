// The program's three standard streams. Everything that a command answers goes through print(): it reports a full disk
// and stops when the reader of a pipe has gone away.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace orrery::cli {

/// Thrown by print() when nobody reads standard output any more (`orrery run … | head -1`): the program ends quietly,
/// with 0.
struct OutputClosed {};

/// To be called first: no signal when a pipe breaks, and no file that is opened later takes the place of a closed
/// stream.
void prepare_standard_streams();

/// Writes to standard output at once. Throws OutputClosed, or Error for a full disk and the like.
void print(std::string_view text);
/// The document, indented, and a line end.
void print_json(const nlohmann::ordered_json& document);
/// Writes to standard error; trouble there is nobody's business.
void print_error(std::string_view text);

bool input_is_terminal();
bool output_is_terminal();
/// Colours may be used on standard output: a terminal that is not "dumb", and NO_COLOR is not set (no-color.org).
bool output_has_colour();

/// All of standard input, byte for byte.
std::string read_standard_input();
/// A file's text, or standard input's where the path is "-". Throws Error naming the file.
std::string read_text_or_standard_input(const std::string& path);
/// Parsed text; `name` is what it came from. Throws Error with name, line and column.
nlohmann::ordered_json parse_json(std::string_view text, const std::string& name);

}  // namespace orrery::cli
