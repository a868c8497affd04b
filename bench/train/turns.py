"""Which tokens are learned: the assistant's turns to the end-of-turn token, as Orrery has it and TRL with a template that marks them."""


def with_marked_turns(tokenizer):
    """SmolLM2's template, the assistant's turns between generation markers: for assistant_only_loss."""
    start, turn, end = "{{'<|im_start|>' + message['role'] + '\n' + ", "message['content'] + '<|im_end|>'", " + '\n'}}"
    plain = start + turn + end
    assert tokenizer.chat_template.count(plain) == 1, tokenizer.chat_template
    marked = f"{{% if message['role'] == 'assistant' %}}{{{{ '<|im_start|>assistant\n' }}}}{{% generation %}}{{{{ {turn} }}}}{{% endgeneration %}}{{{{ '\n' }}}}{{% else %}}{plain}{{% endif %}}"
    tokenizer.chat_template = tokenizer.chat_template.replace(plain, marked)
    return tokenizer
