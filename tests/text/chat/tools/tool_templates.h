// Small chat templates that write calls of tools as the models' own ones do, in other words.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "orrery/text/chat/tools/tool_format.h"
#include "tests/text/sampling/toy_tokenizer.h"

namespace orrery::text {

inline const std::map<std::string, std::string>& tool_templates() {
  static const std::map<std::string, std::string> templates = {
      {"hermes", R"({%- if tools %}<|im_start|>system
Tools:
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}
Answer <tool_call>{"name": …, "arguments": …}</tool_call>.<|im_end|>
{% endif %}
{%- for m in messages %}
{{- '<|im_start|>' + m.role + '\n' + m.content }}
{%- for call in m.tool_calls or [] %}
{{- '\n' if m.content or not loop.first }}
{{- '<tool_call>\n{"name": "' + call.function.name + '", "arguments": ' + call.function.arguments | tojson + '}\n</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %})"},

      {"tool_call list", R"({%- if tools %}<tool_call>[{"name": …, "arguments": …}]</tool_call>{% endif %}
{%- for m in messages %}
{{- '<|im_start|>' + m.role + '\n' + m.content }}
{%- if m.tool_calls %}
{{- '<tool_call>[\n' }}
{%- for call in m.tool_calls %}
{{- {"name": call.function.name, "arguments": call.function.arguments} | tojson + (',\n' if not loop.last else '\n') }}
{%- endfor %}
{{- ']</tool_call>' }}
{%- endif %}
{{- '<|im_end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %})"},

      {"llama 3", R"({%- if tools %}<|h|>system<|/h|>Environment: ipython<|eot|>{% endif %}
{%- for m in messages %}
{{- '<|h|>' + m.role + '<|/h|>' }}
{%- if m.tool_calls %}
{%- if m.tool_calls | length > 1 %}{{ raise_exception('one call at a time') }}{% endif %}
{{- '{"name": "' + m.tool_calls[0].function.name + '", ' + '"parameters": ' + m.tool_calls[0].function.arguments | tojson + '}' }}
{%- else %}{{- m.content }}{% endif %}
{{- '<|eot|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|h|>assistant<|/h|>' }}{% endif %})"},

      {"mistral", R"({%- for m in messages %}
{%- if m.role == 'user' %}{{ '[INST]' + m.content + '[/INST]' }}
{%- elif m.tool_calls %}
{{- '[TOOL_CALLS][' }}
{%- for call in m.tool_calls %}
{%- if call.id | length != 9 %}{{ raise_exception('ids have nine characters') }}{% endif %}
{{- (call.function | tojson)[:-1] + ', "id": "' + call.id + '"}' + (', ' if not loop.last else ']') }}
{%- endfor %}
{{- '</s>' }}
{%- elif m.role == 'tool' %}
{%- if m.tool_call_id | length != 9 %}{{ raise_exception('ids have nine characters') }}{% endif %}
{{- '[TOOL_RESULTS]' + m.content + '[/TOOL_RESULTS]' }}
{%- else %}{{ m.content + '</s>' }}{% endif %}
{%- endfor %})"},

      {"mistral names", R"({%- for m in messages %}
{%- if m.role == 'user' %}{{ '[INST]' + m.content + '[/INST]' }}
{%- else %}{{ m.content }}
{%- for call in m.tool_calls or [] %}
{{- '[TOOL_CALLS]' + call.function.name + '[CALL_ID]' + call.id + '[ARGS]' + call.function.arguments | tojson }}
{%- endfor %}
{{- '</s>' }}
{%- endif %}
{%- endfor %})"},

      {"deepseek", R"({%- for m in messages %}
{%- if m.role == 'user' %}{{ '<｜User｜>' + m.content }}
{%- else %}{{ '<｜Assistant｜>' + m.content }}
{%- if m.tool_calls %}
{{- '<｜tool▁calls▁begin｜>' }}
{%- for call in m.tool_calls %}
{{- '\n' if not loop.first }}
{{- '<｜tool▁call▁begin｜>function<｜tool▁sep｜>' + call.function.name + '\n```json\n' + call.function.arguments | tojson + '\n```<｜tool▁call▁end｜>' }}
{%- endfor %}
{{- '<｜tool▁calls▁end｜>' }}
{%- endif %}
{{- '<｜end▁of▁sentence｜>' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %})"},

      {"deepseek v3.1", R"({%- for m in messages %}
{%- if m.role == 'user' %}{{ '<｜User｜>' + m.content }}
{%- else %}{{ '<｜Assistant｜>' + m.content }}
{%- if m.tool_calls %}
{{- '<｜tool▁calls▁begin｜>' }}
{%- for call in m.tool_calls %}
{{- '<｜tool▁call▁begin｜>' + call.function.name + '<｜tool▁sep｜>' + call.function.arguments | tojson + '<｜tool▁call▁end｜>' }}
{%- endfor %}
{{- '<｜tool▁calls▁end｜>' }}
{%- endif %}
{{- '<｜end▁of▁sentence｜>' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %})"},

      {"functionary v3.1", R"({%- for m in messages %}
{{- '<|h|>' + m.role + '<|/h|>' + m.content }}
{%- for call in m.tool_calls or [] %}
{{- '<function=' + call.function.name + '>' + call.function.arguments | tojson + '</function>' }}
{%- endfor %}
{{- '<|eot|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|h|>assistant<|/h|>' }}{% endif %})"},

      {"functionary v3.2", R"({%- if tools %}Form: >>>${recipient}{% endif %}
{%- for m in messages %}
{{- '<|h|>' + m.role + '<|/h|>' }}
{%- if m.role == 'assistant' %}
{{- '>>>all\n' + m.content if m.content }}
{%- for call in m.tool_calls or [] %}
{{- '>>>' + call.function.name + '\n' + call.function.arguments }}
{%- endfor %}
{%- else %}{{ m.content }}{% endif %}
{{- '<|eot|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|h|>assistant<|/h|>>>>' }}{% endif %})"},

      {"command r7b", R"({%- for m in messages %}
{{- '<|T|>' + m.role + '<|/T|>' }}
{%- if m.tool_calls %}
{{- '<|START_ACTION|>[\n' }}
{%- for call in m.tool_calls %}
{{- '    {"tool_call_id": "' ~ loop.index0 ~ '", "tool_name": "' + call.function.name + '", "parameters": ' + call.function.arguments | tojson + '}' + (',\n' if not loop.last else '\n') }}
{%- endfor %}
{{- ']<|END_ACTION|>' }}
{%- else %}{{ m.content }}{% endif %}
{{- '<|E|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|T|>assistant<|/T|>' }}{% endif %})"},

      {"command r+", R"({%- for m in messages %}
{{- '<|T|>' + m.role + '<|/T|>' + m.content }}
{%- if m.tool_calls %}
{{- '\nAction:\n```json\n[\n' }}
{%- for call in m.tool_calls %}
{{- '    {\n        "tool_name": "' + call.function.name + '",\n        "parameters": ' + call.function.arguments | tojson(indent=4) + '\n    }' + (',\n' if not loop.last else '\n') }}
{%- endfor %}
{{- ']```\n' }}
{%- endif %}
{{- '<|E|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|T|>assistant<|/T|>' }}{% endif %})"},

      {"granite 3", R"({%- for m in messages %}
{{- '<|R|>' + m.role + '<|/R|>' + m.content }}
{%- if m.tool_calls %}
{{- '<|tool_call|>[' }}
{%- for call in m.tool_calls %}
{{- {"name": call.function.name, "arguments": call.function.arguments} | tojson + (', ' if not loop.last else ']') }}
{%- endfor %}
{%- endif %}
{{- '<|E|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|R|>assistant<|/R|>' }}{% endif %})"},
  };
  return templates;
}

inline ToyTokenizer tokenizer_with_template(const std::string& chat_template,
                                            const std::vector<std::string>& specials = {"<end>"}) {
  ToyTokenizer tokenizer({}, specials);
  tokenizer.chat_template = chat_template;
  tokenizer.bos = tokenizer.eos;
  return tokenizer;
}

/// The format whose small template this is.
inline ToolFormat format_named(const std::string& name) {
  return find_tool_format(tokenizer_with_template(name == "generic" ? "" : tool_templates().at(name)));
}

}  // namespace orrery::text
