"""The package ollama."""
import asyncio
import json
import unittest

import ollama

from server import BASE_URL, CAPITAL, KEY, MODEL, PARIS, WEATHER, comes_to

HEADERS = {"Authorization": "Bearer " + KEY}
client = ollama.Client(host=BASE_URL, headers=HEADERS, timeout=300)
CHAT = {"model": MODEL + ":latest", "messages": CAPITAL, "options": {"temperature": 0, "num_predict": 20}}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer", "minimum": 0, "maximum": 150}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


class Ollama(unittest.TestCase):
    def test_lists_models(self):
        (model,) = client.list().models
        self.assertEqual(model.model, MODEL)
        self.assertGreater(model.size, 1 << 20)

    def test_chats(self):
        answer = client.chat(**CHAT)
        self.assertEqual(answer.message.content, PARIS)
        self.assertTrue(answer.done)
        self.assertEqual((answer.done_reason, answer.eval_count), ("stop", 8))

    def test_streams(self):
        parts = list(client.chat(**CHAT, stream=True))
        self.assertGreater(len(parts), 4)
        self.assertEqual("".join(part.message.content for part in parts), PARIS)
        self.assertEqual([part.done for part in parts], [False] * (len(parts) - 1) + [True])

    def test_generates(self):
        ask = {"model": MODEL, "prompt": CAPITAL[0]["content"], "options": CHAT["options"]}
        self.assertEqual(client.generate(**ask).response, PARIS)
        self.assertEqual("".join(part.response for part in client.generate(**ask, stream=True)), PARIS)

    def test_follows_a_schema(self):
        answer = client.chat(MODEL, [{"role": "user", "content": "Invent a person, as JSON."}], format=PERSON, options={"num_predict": 60, "seed": 2})
        person = json.loads(answer.message.content)
        self.assertEqual(sorted(person), ["age", "name"])
        self.assertIsInstance(person["age"], int)
        generated = client.generate(MODEL, "Invent a person, as JSON.", format=PERSON, options={"num_predict": 60, "seed": 2})
        self.assertEqual(sorted(json.loads(generated.response)), ["age", "name"])

    def test_the_way_back_from_a_tool(self):
        # What is sent back as a call and its result, as the package's own types write them.
        call = ollama.Message(role="assistant", tool_calls=[{"function": {"name": "get_weather", "arguments": {"city": "Paris"}}}])
        result = {"role": "tool", "tool_name": "get_weather", "content": "sunny, 21 degrees"}
        question = {"role": "user", "content": "What is the weather in Paris?"}
        answer = client.chat(MODEL, [question, call, result], tools=[WEATHER], options={"temperature": 0, "num_predict": 20})
        self.assertGreater(answer.eval_count, 1)

    def test_errors(self):
        with self.assertRaises(ollama.ResponseError) as caught:
            client.chat("nobody", CAPITAL)
        self.assertEqual(caught.exception.status_code, 404)
        with self.assertRaises(ollama.ResponseError) as caught:
            client.chat(MODEL, CAPITAL, options={"temperature": -1})
        self.assertEqual(caught.exception.status_code, 400)
        self.assertIn("temperature", caught.exception.error)
        with self.assertRaises(ollama.ResponseError) as caught:  # this model sees no pictures
            client.chat(MODEL, [{**CAPITAL[0], "images": [b"picture"]}])
        self.assertEqual(caught.exception.status_code, 400)
        self.assertIn("messages[0].images[0]", caught.exception.error)
        with self.assertRaises(ollama.ResponseError) as caught:
            list(ollama.Client(host=BASE_URL).chat(**CHAT, stream=True))
        self.assertEqual(caught.exception.status_code, 401)

    def test_a_stream_is_left(self):
        stream = client.chat(MODEL, [{"role": "user", "content": "Count to one thousand, number by number."}], stream=True, options={"num_predict": 900})
        next(stream)
        stream.close()
        self.assertTrue(comes_to(0))

    def test_several_at_once(self):
        async def many():
            one = ollama.AsyncClient(host=BASE_URL, headers=HEADERS, timeout=300)
            return await asyncio.gather(*(one.chat(**CHAT) for _ in range(4)))

        self.assertEqual({answer.message.content for answer in asyncio.run(many())}, {PARIS})


if __name__ == "__main__":
    unittest.main()
