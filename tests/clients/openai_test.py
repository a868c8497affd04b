"""The package openai, one call after the other."""
import base64
import json
import unittest

import openai
import pydantic

from server import BASE_URL, CAPITAL, KEY, MODEL, PARIS, SHORT_KEY, WEATHER, comes_to

# No retries: an error is to be seen.
client = openai.OpenAI(base_url=BASE_URL + "/v1", api_key=KEY, max_retries=0, timeout=300)
LONG = {"model": MODEL, "messages": CAPITAL, "max_tokens": 900, "extra_body": {"ignore_eos": True}}


def ask(**fields):
    return client.chat.completions.create(**{"model": MODEL, "messages": CAPITAL, "max_tokens": 20, "temperature": 0, **fields})


class Person(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    name: str = pydantic.Field(max_length=12)
    age: int = pydantic.Field(ge=0, le=150)


class Chat(unittest.TestCase):
    def test_answers(self):
        answer = ask()
        self.assertEqual(answer.object, "chat.completion")
        self.assertEqual(answer.model, MODEL)
        self.assertEqual(answer.choices[0].message.role, "assistant")
        self.assertEqual(answer.choices[0].message.content, PARIS)
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        self.assertEqual(answer.usage.completion_tokens, 8)
        self.assertEqual(answer.usage.total_tokens, answer.usage.prompt_tokens + 8)
        self.assertTrue(answer._request_id.startswith("req-"))

    def test_streams(self):
        chunks = list(ask(stream=True, stream_options={"include_usage": True}))
        self.assertEqual({chunk.object for chunk in chunks}, {"chat.completion.chunk"})
        self.assertEqual(len({chunk.id for chunk in chunks}), 1)
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        self.assertEqual("".join(c.choices[0].delta.content or "" for c in chunks if c.choices), PARIS)
        self.assertEqual([c.choices[0].finish_reason for c in chunks if c.choices][-1], "stop")
        self.assertEqual(chunks[-1].choices, [])
        self.assertEqual(chunks[-1].usage.completion_tokens, 8)

    def test_streams_through_the_helper(self):
        with client.chat.completions.stream(model=MODEL, messages=CAPITAL, max_tokens=20, temperature=0) as stream:
            kinds = {event.type for event in stream}
            answer = stream.get_final_completion()
        self.assertIn("content.delta", kinds)
        self.assertIn("content.done", kinds)
        self.assertEqual(answer.choices[0].message.content, PARIS)

    def test_several_choices(self):
        answer = ask(n=3, temperature=1, seed=7, max_tokens=8)
        self.assertEqual([choice.index for choice in answer.choices], [0, 1, 2])
        again = ask(n=3, temperature=1, seed=7, max_tokens=8)
        self.assertEqual([c.message.content for c in again.choices], [c.message.content for c in answer.choices])

    def test_stops(self):
        answer = ask(stop=[" of", "Berlin"])
        self.assertEqual(answer.choices[0].message.content, "The capital")
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        cut = ask(max_tokens=None, max_completion_tokens=3)
        self.assertEqual(cut.choices[0].finish_reason, "length")
        self.assertEqual(cut.usage.completion_tokens, 3)

    def test_log_probabilities(self):
        tokens = ask(logprobs=True, top_logprobs=3).choices[0].logprobs.content
        self.assertEqual(bytes(sum((token.bytes for token in tokens), [])).decode().removesuffix("<|im_end|>"), PARIS)
        for token in tokens:
            self.assertEqual(len(token.top_logprobs), 3)
            self.assertEqual(token.top_logprobs[0].token, token.token)  # at temperature 0
            self.assertLessEqual(token.logprob, 0)

    def test_parts_roles_and_what_is_only_noted(self):
        messages = [{"role": "developer", "content": "Be short."}, {"role": "user", "content": [{"type": "text", "text": "Hello"}]}]
        answer = ask(messages=messages, max_tokens=3, user="u1", metadata={"run": "1"}, store=False)
        self.assertEqual(answer.usage.completion_tokens, 3)

    def test_files_and_pictures(self):
        text = "data:text/plain;base64," + base64.b64encode(CAPITAL[0]["content"].encode()).decode()
        file = {"type": "file", "file": {"filename": "question.txt", "file_data": text}}
        self.assertEqual(ask(messages=[{"role": "user", "content": [file]}]).choices[0].message.content, PARIS)
        content = [{"type": "input_file", "filename": "question.txt", "file_data": text}]
        answer = client.responses.create(model=MODEL, input=[{"role": "user", "content": content}], temperature=0, max_output_tokens=20)
        self.assertEqual(answer.output_text, PARIS)
        picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
        with self.assertRaises(openai.BadRequestError) as caught:  # this model sees none
            ask(messages=[{"role": "user", "content": [{"type": "text", "text": "So?"}, picture]}])
        self.assertEqual(caught.exception.param, "messages[0].content[1]")


class Tools(unittest.TestCase):
    messages = [{"role": "user", "content": "What is the weather in Paris?"}]
    must = {"messages": messages, "tools": [WEATHER], "tool_choice": "required", "parallel_tool_calls": False, "max_tokens": 100}

    def test_calls_and_the_way_back(self):
        choice = ask(**self.must).choices[0]
        self.assertEqual(choice.finish_reason, "tool_calls")
        self.assertIsNone(choice.message.content)
        (call,) = choice.message.tool_calls
        self.assertEqual(call.function.name, "get_weather")
        self.assertIsInstance(json.loads(call.function.arguments)["city"], str)
        result = {"role": "tool", "tool_call_id": call.id, "content": "sunny, 21 degrees"}
        answer = ask(messages=[*self.messages, choice.message, result], tools=[WEATHER], max_tokens=40)
        self.assertIn(answer.choices[0].finish_reason, ("stop", "length", "tool_calls"))
        self.assertGreater(answer.usage.completion_tokens, 1)

    def test_one_of_several_by_name(self):
        other = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}, "additionalProperties": False}}}
        choice = ask(**{**self.must, "tools": [WEATHER, other], "tool_choice": {"type": "function", "function": {"name": "get_time"}}}).choices[0]
        self.assertEqual(choice.message.tool_calls[0].function.name, "get_time")
        self.assertEqual(json.loads(choice.message.tool_calls[0].function.arguments), {})

    def test_streamed_calls(self):
        arguments, name, finish = "", None, None
        for chunk in ask(**self.must, stream=True):
            for call in chunk.choices[0].delta.tool_calls or []:
                name = name or call.function.name
                arguments += call.function.arguments or ""
            finish = chunk.choices[0].finish_reason or finish
        self.assertEqual((name, finish), ("get_weather", "tool_calls"))
        self.assertEqual(arguments, ask(**self.must).choices[0].message.tool_calls[0].function.arguments)

    def test_calls_with_a_model_of_their_arguments(self):
        class GetWeather(pydantic.BaseModel):
            city: str = pydantic.Field(max_length=20)

        answer = client.chat.completions.parse(
            model=MODEL, messages=self.messages, tools=[openai.pydantic_function_tool(GetWeather)], tool_choice="required",
            parallel_tool_calls=False, max_tokens=100, temperature=0)
        self.assertIsInstance(answer.choices[0].message.tool_calls[0].function.parsed_arguments, GetWeather)


class Forms(unittest.TestCase):
    messages = [{"role": "user", "content": "Invent a person, as JSON."}]

    def test_schema(self):
        form = {"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": Person.model_json_schema()}}
        answer = ask(messages=self.messages, response_format=form, max_tokens=60, temperature=1, seed=2)
        Person.model_validate_json(answer.choices[0].message.content)

    def test_parsed(self):
        answer = client.chat.completions.parse(model=MODEL, messages=self.messages, response_format=Person, max_tokens=60, seed=3)
        self.assertIsInstance(answer.choices[0].message.parsed, Person)

    def test_any_object(self):
        answer = ask(messages=self.messages, response_format={"type": "json_object"}, max_tokens=200, stop=["\n\n"])
        if answer.choices[0].finish_reason == "stop":
            self.assertIsInstance(json.loads(answer.choices[0].message.content), dict)
        self.assertTrue(answer.choices[0].message.content.lstrip().startswith("{"))

    def test_a_schema_that_cannot_be_followed(self):
        schema = {"type": "integer", "multipleOf": 7}
        with self.assertRaises(openai.BadRequestError) as caught:
            ask(response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": schema}})
        self.assertEqual(caught.exception.code, "invalid_schema")


class Others(unittest.TestCase):
    def test_goes_on_with_texts(self):
        answer = client.completions.create(model=MODEL, prompt=["Once upon a time", "The capital of France is"], max_tokens=5, temperature=0, logprobs=2)
        self.assertEqual([choice.index for choice in answer.choices], [0, 1])
        self.assertEqual(len(answer.choices[0].logprobs.tokens), 5)
        streamed = ["", ""]
        for chunk in client.completions.create(model=MODEL, prompt=["Once upon a time", "The capital of France is"], max_tokens=5, temperature=0, stream=True):
            for choice in chunk.choices:
                streamed[choice.index] += choice.text
        self.assertEqual(streamed, [choice.text for choice in answer.choices])

    def test_lists_models(self):
        self.assertEqual([model.id for model in client.models.list()], [MODEL])
        self.assertEqual(client.models.retrieve(MODEL).owned_by, "orrery")


class Errors(unittest.TestCase):
    def test_wrong_fields(self):
        for fields, param in (({"temperature": -1}, "temperature"), ({"extra_body": {"foo": 1}}, "foo"), ({"messages": []}, "messages"),
                              ({"messages": [{"role": "user", "content": "word " * 2000}]}, "messages")):
            with self.assertRaises(openai.BadRequestError) as caught:
                ask(**fields)
            self.assertEqual(caught.exception.param, param)
            self.assertEqual(caught.exception.type, "invalid_request_error")
        self.assertEqual(caught.exception.code, "context_length_exceeded")

    def test_no_such_model(self):
        with self.assertRaises(openai.NotFoundError) as caught:
            ask(model="gpt-9")
        self.assertEqual(caught.exception.code, "model_not_found")
        with self.assertRaises(openai.NotFoundError):
            client.models.retrieve("gpt-9")

    def test_wrong_key(self):
        with self.assertRaises(openai.AuthenticationError) as caught:
            client.with_options(api_key="sk-wrong").models.list()
        self.assertEqual(caught.exception.code, "invalid_api_key")

    def test_too_many_requests(self):
        short = client.with_options(api_key=SHORT_KEY)
        with self.assertRaises(openai.RateLimitError) as caught:
            for _ in range(10):
                short.models.list()
        self.assertEqual(caught.exception.code, "rate_limit_exceeded")
        self.assertGreaterEqual(int(caught.exception.response.headers["retry-after"]), 1)

    def test_too_slow_for_the_client(self):
        with self.assertRaises(openai.APITimeoutError):
            client.with_options(timeout=0.3).chat.completions.create(**LONG)
        self.assertTrue(comes_to(0))

    def test_a_stream_is_left(self):
        with client.chat.completions.create(**LONG, stream=True) as stream:
            for _, chunk in zip(range(3), stream):
                self.assertIsNone(chunk.choices[0].finish_reason)
            self.assertTrue(comes_to(1))
        self.assertTrue(comes_to(0))


if __name__ == "__main__":
    unittest.main()
