"""The package openai, with several calls at once."""
import asyncio
import unittest

import openai

from server import BASE_URL, CAPITAL, KEY, MODEL, PARIS, comes_to

ASK = {"model": MODEL, "messages": CAPITAL, "max_tokens": 20, "temperature": 0}


class Async(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.client = openai.AsyncOpenAI(base_url=BASE_URL + "/v1", api_key=KEY, max_retries=0, timeout=300)

    async def asyncTearDown(self):
        await self.client.close()

    async def test_answers_many_at_once(self):
        answers = await asyncio.gather(*(self.client.chat.completions.create(**ASK) for _ in range(8)))
        self.assertEqual({answer.choices[0].message.content for answer in answers}, {PARIS})
        self.assertEqual(len({answer.id for answer in answers}), 8)

    async def test_streams_many_at_once(self):
        async def one():
            text = ""
            async for chunk in await self.client.chat.completions.create(**ASK, stream=True):
                text += chunk.choices[0].delta.content or ""
            return text

        self.assertEqual(set(await asyncio.gather(*(one() for _ in range(4)))), {PARIS})

    async def test_a_task_is_cancelled(self):
        for stream in (False, True):
            task = asyncio.create_task(self.read_all(stream))
            self.assertTrue(await asyncio.to_thread(comes_to, 1))
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            self.assertTrue(await asyncio.to_thread(comes_to, 0))

    async def read_all(self, stream):
        answer = await self.client.chat.completions.create(**{**ASK, "max_tokens": 900}, stream=stream, extra_body={"ignore_eos": True})
        if stream:
            async for _ in answer:
                pass

    async def test_errors(self):
        with self.assertRaises(openai.BadRequestError):
            await self.client.chat.completions.create(**{**ASK, "top_p": 2}, stream=True)


if __name__ == "__main__":
    unittest.main()
