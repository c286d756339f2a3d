"""Whose turn it is, in the words of OpenAI, ShareGPT, Open Assistant, LLaMA-Factory, Google and others."""

from __future__ import annotations

from runner.chat.messages import Role

#: The words that stand for a role, in lower case.
WORDS: dict[str, Role] = {
    "user": "user", "human": "user", "usr": "user", "prompter": "user",
    "assistant": "assistant", "gpt": "assistant", "bot": "assistant", "model": "assistant", "ai": "assistant",
    "chatbot": "assistant", "chatgpt": "assistant", "agent": "assistant",
    "system": "system", "sys": "system", "developer": "system",
    "tool": "tool", "observation": "tool", "function": "tool", "function_response": "tool", "tool_response": "tool",
    "function_result": "tool", "tool_result": "tool", "ipython": "tool",
}  # fmt: skip
#: Those, as they are spelt, that conversations of comparisons and prompts have.
OF_PROMPTS = ("user", "assistant", "system", "developer", "model", "human", "gpt")
#: Words of a turn in which an assistant calls a tool: what was said is the call, as JSON.
CALLS = ("function_call", "tool_call", "function-call", "tool_calls")
#: What a turn's role and what was said are called.
ROLE_KEYS = ("role", "from", "sender", "speaker", "author", "user")
CONTENT_KEYS = ("content", "value", "message", "text", "utterance")
