#include "store_cases.h"

#include <chrono>
#include <thread>

namespace orrery::serve {

std::vector<StoreCase> store_cases() {
  std::vector<StoreCase> all;
  for (const auto& part : {conversation_cases(), message_cases(), preference_cases(), hostile_cases()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const StoreError& error) {
    const std::string where = error.parts().where.empty() ? "" : " " + error.parts().where;
    switch (error.kind()) {
      case StoreError::Kind::kInvalid:
        return "invalid" + where;
      case StoreError::Kind::kNotFound:
        return "not found";
      case StoreError::Kind::kConflict:
        return "conflict" + where;
      case StoreError::Kind::kUnavailable:
        return "unavailable";
    }
  }
  return "nothing";
}

void talk(Store& store, const std::string& id, const std::vector<std::string>& texts, const std::string& title) {
  store.create_conversation({{"id", id}, {"title", title}});
  nlohmann::ordered_json parent = nullptr;
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::string message = "m" + std::to_string(i + 1);
    store.put_message(id, message, {{"parent", parent}, {"role", "user"}, {"content", texts[i]}});
    parent = message;
  }
  next_millisecond();
}

std::string ids(const Store::Json& rows) {
  std::string text;
  for (const auto& row : rows) text += (text.empty() ? "" : " ") + row["id"].get<std::string>();
  return text;
}

void next_millisecond() { std::this_thread::sleep_for(std::chrono::milliseconds(2)); }

}  // namespace orrery::serve
