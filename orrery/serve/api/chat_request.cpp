#include "orrery/serve/api/chat_request.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <utility>

#include "orrery/text/chat/tools/tool_messages.h"
#include "orrery/text/documents/special_tokens.h"
#include "orrery/text/pictures/picture_prompt.h"

namespace orrery::serve {

using nlohmann::ordered_json;

namespace {

const std::set<std::string> kRoles = {"system", "developer", "user", "assistant", "tool"};

std::string text_of_parts(const ordered_json& parts, const std::string& path, std::vector<Attachment>* attachments) {
  std::string text;
  bool first = true;
  for (size_t i = 0; i < parts.size(); ++i) {
    Fields part(parts[i], fmt::format("{}[{}]", path, i));
    const std::string type = part.text_or_throw("type");
    if (is_attachment(type) && attachments != nullptr) {
      attachments->push_back(read_attachment(part, type));
      part.finish();
      continue;
    }
    if (type != "text" && type != "input_text" && type != "output_text")
      part.refuse("type", "\"" + type + "\"", attachments ? "text, image_url or file" : "text");
    if (!std::exchange(first, false)) text += '\n';
    text += part.text_or_throw("text");
    part.ignore({"annotations", "logprobs"});
    part.finish();
  }
  return text;
}

ordered_json read_message(const ordered_json& message, const std::string& path, std::vector<Attachment>* attachments) {
  Fields fields(message, path);
  ordered_json out = ordered_json::object();
  std::string role = fields.text_or_throw("role");
  if (!kRoles.contains(role)) fields.refuse("role", "\"" + role + "\"", "system, developer, user, assistant or tool");
  if (role == "developer") role = "system";  // what OpenAI's newer models call it
  out["role"] = role;
  if (const ordered_json* content = fields.any("content")) {
    if (content->is_string())
      out["content"] = *content;
    else if (content->is_array())
      out["content"] = text_of_parts(*content, fields.at("content"), attachments);
    else
      fields.refuse("content", "another form", "a string or an array of parts");
  } else {
    if (role != "assistant") fields.refuse("content", "nothing", "a string or an array of parts");
    out["content"] = "";
  }
  for (std::string_view name : {"name", "tool_call_id", "reasoning_content"})
    if (const auto text = fields.text(name)) out[std::string(name)] = *text;
  if (const ordered_json* calls = fields.array("tool_calls")) {
    for (const ordered_json& call : *calls)
      if (!call.is_object()) fields.refuse("tool_calls", std::string("a value of type ") + call.type_name(), "objects");
    out["tool_calls"] = *calls;
  }
  fields.ignore({"refusal", "annotations", "audio"});  // of answers that come back as they were given
  fields.finish();
  return out;
}

// Each may cost seconds, and a picture hundreds of megabytes for a moment.
void check_attachments(const ChatRequest& request) {
  constexpr size_t kMost = 32;
  const auto& all = request.attachments;
  if (all.size() > kMost)
    throw Refusal(400, "messages",
                  {.doing = "read the request",
                   .where = "messages",
                   .found = fmt::format("{} pictures and files", all.size()),
                   .expected = fmt::format("at most {}", kMost)});
  for (const Attachment& one : all)
    if (const ordered_json& role = request.messages[one.message]["role"]; role != "user")
      throw Refusal(400, one.part,
                    {.doing = "read the request",
                     .where = one.part,
                     .found = "a picture or file in a message of the role " + role.get<std::string>(),
                     .expected = "user"});
}

}  // namespace

ordered_json read_messages(const ordered_json& list, const std::string& path, std::vector<Attachment>* attachments) {
  ordered_json messages = ordered_json::array();
  for (size_t i = 0; i < list.size(); ++i) {
    const size_t before = attachments ? attachments->size() : 0;
    messages.push_back(read_message(list[i], fmt::format("{}[{}]", path, i), attachments));
    for (size_t n = before; attachments && n < attachments->size(); ++n) (*attachments)[n].message = i;
  }
  if (messages.empty())
    throw Refusal(400, path,
                  {.doing = "read the request", .where = path, .found = "no message", .expected = "one at least"});
  return messages;
}

ChatRequest::ChatRequest(const ordered_json& body, std::vector<Attachment> given) : attachments(std::move(given)) {
  Fields fields(body);
  model = fields.text("model").value_or("");
  messages = read_messages(fields.array_or_throw("messages"), "messages", &attachments);
  check_attachments(*this);
  generation = std::make_shared<GenerationFields>(fields);
  form = AnswerForm::read(fields);
  fields.ignore({"tools", "tool_choice", "parallel_tool_calls"});  // read_tool_request() reads them
  try {
    tools = text::read_tool_request(body);
  } catch (const Error& error) {
    throw Refusal(400, error.parts().where, error.parts());
  }
  const auto most = fields.integer("max_completion_tokens", -1, INT32_MAX);
  const auto most_before = fields.integer("max_tokens", -1, INT32_MAX);
  generation->max_tokens = most.value_or(most_before.value_or(-1));
  if (generation->max_tokens == 0) fields.refuse(most ? "max_completion_tokens" : "max_tokens", "0", "1 or more");
  const bool logprobs = fields.flag("logprobs").value_or(false);
  const auto top = fields.integer("top_logprobs", 0, 20);
  if (top && !logprobs) fields.refuse("top_logprobs", "top_logprobs", "it only together with \"logprobs\": true");
  if (logprobs) top_logprobs = static_cast<int32_t>(top.value_or(0));
  if (const ordered_json* values = fields.object("chat_template_kwargs")) template_values = *values;
  if (const auto effort = fields.text("reasoning_effort")) template_values["reasoning_effort"] = *effort;
  fields.ignore(
      {"user", "safety_identifier", "metadata", "prompt_cache_key", "prompt_cache_retention"});  // names, not wishes
  fields.only("store", false, "false: nothing is stored");
  fields.only("modalities", ordered_json::array({"text"}), "[\"text\"]");
  if (const auto tier = fields.text("service_tier"); tier && *tier != "auto" && *tier != "default")
    fields.refuse("service_tier", "\"" + *tier + "\"", "auto or default");
  fields.finish();
}

namespace {

// What needs no look at them.
void check_pictures(const Model& model, const ChatRequest& request, const std::vector<const Attachment*>& pictures) {
  try {
    text::check_picture_count(model.engine.checkpoint(), pictures.size());
  } catch (const Error& error) {
    Error::Parts parts = error.parts();
    parts.where = pictures.back()->part;
    throw Refusal(400, pictures.back()->part, std::move(parts));
  }
  if (request.messages.size() != 1)
    throw Refusal(400, "messages",
                  {.doing = "ask about a picture",
                   .where = "messages",
                   .found = fmt::format("{} of them", request.messages.size()),
                   .expected = "one: this model was trained on a picture and one text about it"});
  if (request.tools.choice != text::ToolRequest::Choice::kNone)
    throw Refusal(400, "tools",
                  {.doing = "ask about a picture", .where = "tools", .found = "tools", .expected = "none beside it"});
}

ChatPrompt picture_chat_prompt(const Model& model, const std::vector<const Attachment*>& pictures,
                               const std::string& question) {
  std::vector<formats::Image> images;
  for (const Attachment* picture : pictures) images.push_back(decode_picture(*picture));
  ChatPrompt prompt;
  try {
    auto made = text::picture_prompt(model.engine.checkpoint(), images, question);
    prompt.tokens = std::move(made.prompt);
    prompt.patches = std::move(made.patches);
  } catch (const Error& error) {
    throw Refusal(400, "messages[0].content", error.parts());
  }
  return prompt;
}

// The messages with their files' texts.
ordered_json with_files(const text::Tokenizer& tokenizer, const ChatRequest& request,
                        const std::function<bool()>& gone) {
  std::map<size_t, std::vector<text::Document>> documents;  // by message
  for (const Attachment& one : request.attachments) {
    if (one.kind != Attachment::Kind::kFile) continue;
    if (gone()) throw Refusal(499, one.part, {.doing = "read a file", .where = one.part, .found = "nobody who waits"});
    documents[one.message].push_back(read_file(one));
  }
  ordered_json messages = request.messages;
  for (const auto& [message, files] : documents) {
    ordered_json& content = messages[message]["content"];
    content = text::with_documents(text::spell_special_tokens_apart(text::cited_text(files), tokenizer),
                                   content.get<std::string>());
  }
  return messages;
}

}  // namespace

ChatPrompt chat_prompt(const Model& model, const ChatRequest& request, const std::function<bool()>& gone) {
  const text::Tokenizer& tokenizer = model.engine.checkpoint().tokenizer();
  std::vector<const Attachment*> pictures;
  for (const Attachment& one : request.attachments)
    if (one.kind == Attachment::Kind::kPicture) pictures.push_back(&one);
  if (!pictures.empty()) check_pictures(model, request, pictures);
  const ordered_json messages = with_files(tokenizer, request, gone);
  ChatPrompt prompt;
  if (!pictures.empty()) {
    prompt = picture_chat_prompt(model, pictures, messages[0]["content"].get_ref<const std::string&>());
  } else {
    try {
      const auto input = text::tool_messages(messages, request.tools.shown(), model.tool_format, model.takes_system);
      prompt.text = model.chat.prompt(input.messages, input.tools, true, request.template_values);
    } catch (const Error& error) {
      const bool field = error.parts().where.starts_with("messages");
      throw Refusal(400, field ? error.parts().where : "messages", error.parts());
    }
    prompt.tokens = tokenizer.encode(prompt.text, {.add_special = false, .parse_special = true});
  }
  check_fits(model, prompt.tokens.size(), "messages");
  return prompt;
}

}  // namespace orrery::serve
