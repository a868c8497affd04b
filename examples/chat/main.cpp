// A chat in the terminal on top of the library: chat [MODEL]
#include <orrery/orrery.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

int main(int argc, char** argv) try {
  namespace text = orrery::text;
  const auto model = text::Checkpoint::open(argc > 1 ? argv[1] : "smollm2");
  text::Engine engine(model, {});
  const text::Chat chat(model->tokenizer());
  auto messages = nlohmann::ordered_json::array();
  for (std::string line; std::cout << "> " << std::flush && std::getline(std::cin, line);) {
    messages.push_back({{"role", "user"}, {"content", line}});
    text::Request request{.prompt = model->tokenizer().encode(chat.prompt(messages), {.add_special = false})};
    request.sampling.temperature = 0;  // the likeliest answer, the same every time
    text::Stream stream = engine.submit(std::move(request));
    std::string answer;
    for (text::StreamEvent event; stream.next(event); answer += event.text) std::cout << event.text << std::flush;
    std::cout << '\n';
    messages.push_back({{"role", "assistant"}, {"content", answer}});
  }
} catch (const orrery::Error& error) {
  std::cerr << error.what() << '\n';
  return 2;
}
