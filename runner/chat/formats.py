"""The chat formats that are built in, as Jinja templates.

Each is written as the models that made it known were trained, with two promises that hold for all of them: an answer
ends with a mark that the model learns (alpaca and vicuna have the end-of-text token there, or a model would not know
when to stop), and the prompt of a turn is, letter for letter, the beginning of what is learned with it.

``start`` is the tokenizer's beginning-of-text token where it wants one, else nothing. A turn that a format has no place
for is refused, never left out: only ``chatml`` has one for tools.

- chatml: OpenAI's markup as Qwen writes it, tools and their calls as Hermes does.
- alpaca: Stanford Alpaca. A system message takes the place of the sentence that the format begins with.
- llama: Llama 2, with a beginning and an end of text around each exchange.
- vicuna: Vicuna 1.1. A system message takes the place of the sentence that the format begins with.
- zephyr: Zephyr 7B.
- mistral: Mistral 7B Instruct 0.1; a system message begins the first user's turn.
"""

from __future__ import annotations

#: Turns that only alternate: user, assistant, user ... with one system message before them.
_ALTERNATING = """\
{%- if messages and messages[0]['role'] == 'system' -%}
    {%- set system = messages[0]['content'] -%}
    {%- set turns = messages[1:] -%}
{%- else -%}
    {%- set system = none -%}
    {%- set turns = messages -%}
{%- endif -%}
{%- if tools -%}{{ raise_exception('the format has no place for tools') }}{%- endif -%}
{%- for message in turns -%}
    {%- if message['role'] not in ('user', 'assistant') -%}
        {{ raise_exception('the format has no place for a turn of the ' + message['role'] + ' here') }}
    {%- endif -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception('turns must alternate: user, assistant, user ...') }}
    {%- endif -%}
    {%- if message['tool_calls'] -%}{{ raise_exception('the format has no place for calls of tools') }}{%- endif -%}
{%- endfor -%}
"""

_CHATML = """\
{%- if tools -%}
    {{- start + '<|im_start|>system\\n' -}}
    {%- if messages and messages[0]['role'] == 'system' -%}
        {{- messages[0]['content'] + '\\n\\n' -}}
    {%- endif -%}
    {{- '# Tools\\n\\nYou may call one or more functions to assist with the user query.\\n\\n' -}}
    {{- 'You are provided with function signatures within <tools></tools> XML tags:\\n<tools>' -}}
    {%- for tool in tools -%}{{- '\\n' + (tool | tojson) -}}{%- endfor -%}
    {{- '\\n</tools>\\n\\nFor each function call, return a json object with function name and arguments within ' -}}
    {{- '<tool_call></tool_call> XML tags:\\n<tool_call>\\n' -}}
    {{- '{"name": <function-name>, "arguments": <args-json-object>}\\n</tool_call><|im_end|>\\n' -}}
    {%- set turns = messages[1:] if messages and messages[0]['role'] == 'system' else messages -%}
{%- else -%}
    {{- start -}}
    {%- set turns = messages -%}
{%- endif -%}
{%- for message in turns -%}
    {%- if message['role'] == 'tool' -%}
        {%- if loop.first or loop.previtem['role'] != 'tool' -%}{{- '<|im_start|>user' -}}{%- endif -%}
        {{- '\\n<tool_response>\\n' + message['content'] + '\\n</tool_response>' -}}
        {%- if loop.last or loop.nextitem['role'] != 'tool' -%}{{- '<|im_end|>\\n' -}}{%- endif -%}
    {%- else -%}
        {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] -}}
        {%- for call in message['tool_calls'] or [] -%}
            {%- if message['content'] or not loop.first -%}{{- '\\n' -}}{%- endif -%}
            {{- '<tool_call>\\n{"name": ' + (call['function']['name'] | tojson) + ', "arguments": ' -}}
            {{- (call['function']['arguments'] | tojson) + '}\\n</tool_call>' -}}
        {%- endfor -%}
        {{- '<|im_end|>\\n' -}}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
"""

_ALPACA = (
    _ALTERNATING
    + """\
{{- start -}}
{%- if system is none -%}
    {{- 'Below is an instruction that describes a task. ' -}}
    {{- 'Write a response that appropriately completes the request.' -}}
{%- else -%}
    {{- system -}}
{%- endif -%}
{%- for message in turns -%}
    {%- if message['role'] == 'user' -%}
        {{- '\\n\\n### Instruction:\\n' + message['content'] -}}
    {%- else -%}
        {{- '\\n\\n### Response:\\n' + message['content'] + eos_token -}}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '\\n\\n### Response:\\n' -}}{%- endif -%}
"""
)

_LLAMA = (
    _ALTERNATING
    + """\
{%- for message in turns -%}
    {%- if message['role'] == 'user' -%}
        {{- start + '[INST] ' -}}
        {%- if loop.first and system is not none -%}
            {{- '<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' -}}
        {%- endif -%}
        {{- message['content'] + ' [/INST]' -}}
    {%- else -%}
        {{- ' ' + message['content'] + ' ' + eos_token -}}
    {%- endif -%}
{%- endfor -%}
"""
)

_VICUNA = (
    _ALTERNATING
    + """\
{{- start -}}
{%- if system is none -%}
    {{- 'A chat between a curious user and an artificial intelligence assistant. ' -}}
    {{- "The assistant gives helpful, detailed, and polite answers to the user's questions." -}}
{%- else -%}
    {{- system -}}
{%- endif -%}
{{- ' ' -}}
{%- for message in turns -%}
    {%- if message['role'] == 'user' -%}
        {{- 'USER: ' + message['content'] -}}
    {%- else -%}
        {{- ' ASSISTANT: ' + message['content'] + eos_token -}}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- ' ASSISTANT:' -}}{%- endif -%}
"""
)

_ZEPHYR = """\
{%- if tools -%}{{ raise_exception('the format has no place for tools') }}{%- endif -%}
{{- start -}}
{%- for message in messages -%}
    {%- if message['role'] not in ('system', 'user', 'assistant') or message['tool_calls'] -%}
        {{ raise_exception('the format has no place for tools') }}
    {%- endif -%}
    {{- '<|' + message['role'] + '|>\\n' + message['content'] + eos_token + '\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|assistant|>\\n' -}}{%- endif -%}
"""

_MISTRAL = (
    _ALTERNATING
    + """\
{{- start -}}
{%- for message in turns -%}
    {%- if message['role'] == 'user' -%}
        {{- '[INST] ' -}}
        {%- if loop.first and system is not none -%}{{- system + '\\n\\n' -}}{%- endif -%}
        {{- message['content'] + ' [/INST]' -}}
    {%- else -%}
        {{- ' ' + message['content'] + eos_token -}}
    {%- endif -%}
{%- endfor -%}
"""
)

FORMATS: dict[str, str] = {
    "chatml": _CHATML,
    "alpaca": _ALPACA,
    "llama": _LLAMA,
    "vicuna": _VICUNA,
    "zephyr": _ZEPHYR,
    "mistral": _MISTRAL,
}
#: The marks that a format is written with, which are single tokens in the models that it is from.
MARKS: dict[str, tuple[str, ...]] = {
    "chatml": ("<|im_start|>", "<|im_end|>"),
    "zephyr": ("<|system|>", "<|user|>", "<|assistant|>"),
}


def template_of(name: str, *, starts: bool) -> str:
    """The format ``name`` as a template. ``starts``: whether the tokenizer wants its beginning-of-text token."""
    return "{%- set start = " + ("bos_token" if starts else "''") + " -%}\n" + FORMATS[name]
