"""The ways in which conversations, preferences and labelled answers are written, each as the rows that it is."""

from __future__ import annotations

import json

import pytest

from runner.errors import DataError
from tests.data.dialogues.conftest import assistant, documents, user

VOTE = {"prompt": "p", "response_a": "a", "response_b": "b"}
TURNS = {"messages": [user("Which bird?"), assistant("A wren.")]}
CALL = {"type": "function", "function": {"name": "depth", "arguments": {"lake": "Como"}}}
TOOL = {"type": "function", "function": {"name": "depth", "parameters": {"type": "object", "properties": {}}}}


@pytest.mark.parametrize(
    "row",
    [
        TURNS,
        {"conversations": [{"from": "human", "value": "Which bird?"}, {"from": "gpt", "value": "A wren."}]},
        {"dialog": [{"sender": "USER", "message": "Which bird?"}, {"sender": "Bot", "message": "A wren."}]},
        {"chat": [{"user": "human", "text": "Which bird?"}, {"user": "ai", "text": "A wren."}]},
        {"conversation": [{"human": "Which bird?", "assistant": "A wren."}]},
        {"messages": json.dumps(TURNS["messages"])},
        {"messages": str(TURNS["messages"])},
        {"messages": {"role": ["user", "assistant"], "content": ["Which bird?", "A wren."]}},
        {"messages": [TURNS["messages"]]},
        {"messages": [user([{"type": "text", "text": "Which bird?"}]), assistant({"type": "text", "text": "A wren."})]},
        {"messages": None, "prompt": "Which bird?", "completion": "A wren."},
        {"instruction": "Which bird?", "input": "", "output": "A wren."},
        {"Question": "Which bird?", "Answer": "A wren."},
        {"query": "Which bird?", "response": "A wren."},
        {"human": "Which bird?", "bot": "A wren."},
        {"source": "Which bird?", "target": "A wren."},
        {"input": "Which bird?", "output": "A wren.", "source": "a page"},
        {"prompt": [user("Which bird?")], "completion": [assistant("A wren.")]},
        {"prompt": "Human: Which bird?\n\nAssistant:", "completion": "A wren."},
        {"prompt": "Which bird?", "completion": ["A wren."]},
        {"text": "### Human: Which bird?### Assistant: A wren."},
        {"chat": "\n\nHuman: Which bird?\n\nAssistant: A wren."},
    ],
    ids=lambda row: json.dumps(row)[:60],
)
def test_one_conversation_in_many_forms(row, load):
    assert documents(load("sft", row)) == [TURNS]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Which bird?", "chosen": "A wren.", "rejected": "A stone."},
        {"instruction": "Which bird?", "input": "", "chosen": "A wren.", "rejected": "A stone."},
        {"messages": [user("Which bird?")], "chosen": assistant("A wren."), "rejected": assistant("A stone.")},
        {"prompt": [user("Which bird?")], "chosen": [assistant("A wren.")], "rejected": [assistant("A stone.")]},
        {
            "prompt": "Which bird?",
            "chosen": [user("Which bird?"), assistant("A wren.")],
            "rejected": [user("Which bird?"), assistant("A stone.")],
            "messages": [user("Which bird?"), assistant("A wren.")],
        },
        {
            "messages": [user("Which bird?"), assistant("A wren.")],
            "chosen": [user("Which bird?"), assistant("A wren.")],
            "rejected": [user("Which bird?"), assistant("A stone.")],
        },
        {"messages": [user("Which bird?"), assistant("A wren.")], "rejected_response": "A stone."},
        {"query": "Which bird?", "response": "A wren.", "rejected_response": "A stone."},
        {"question": "Which bird?", "response_j": "A wren.", "response_k": "A stone."},
        {
            "conversations": [{"from": "human", "value": "Which bird?"}],
            "chosen": {"from": "gpt", "value": "A wren."},
            "rejected": {"from": "gpt", "value": "A stone."},
        },
        {
            "chosen": "\n\nHuman: Which bird?\n\nAssistant: A wren.",
            "rejected": "\n\nHuman: Which bird?\n\nAssistant: A stone.",
        },
        {"instruction": "Which bird?", "output": ["A wren.", "A stone."]},
        {"prompt": "Which bird?", "response_a": "A stone.", "response_b": "A wren.", "winner": "model_b"},
        {"prompt": "Which bird?", "response_a": "A stone.", "response_b": "A wren.", "winner": " B"},
        {"question": "Which bird?", "answer_a": "A wren.", "answer_b": "A stone.", "winner": "answer_a"},
        {
            "prompt": "Which bird?",
            "response_a": "A stone.",
            "response_b": "A wren.",
            "model_a": "x",
            "model_b": "y",
            "winner_model_a": 0,
            "winner_model_b": 1,
            "winner_tie": 0,
        },
        {
            "conversation_a": [user("Which bird?"), assistant("A wren.")],
            "conversation_b": [user("Which bird?"), assistant("A stone.")],
            "winner": "model_a",
        },
    ],
    ids=lambda row: json.dumps(row)[:60],
)
def test_one_preference_in_many_forms(row, load):
    [found] = documents(load("dpo", row))
    assert found == {
        "prompt": [user("Which bird?")],
        "chosen": [assistant("A wren.")],
        "rejected": [assistant("A stone.")],
    }


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Which bird?", "completion": "A wren.", "label": True},
        {"prompt": "Which bird?", "completion": "A wren.", "label": "Good"},
        {"instruction": "Which bird?", "output": "A wren.", "kto_tag": "1"},
        {"messages": [user("Which bird?"), assistant("A wren.")], "label": 1.0},
        {"prompt": [user("Which bird?")], "completion": assistant("A wren."), "label": "thumbs_up"},
    ],
    ids=lambda row: json.dumps(row)[:60],
)
def test_one_labelled_answer_in_many_forms(row, load):
    [found] = documents(load("kto", row))
    assert found == {"prompt": [user("Which bird?")], "completion": [assistant("A wren.")], "label": True}


def test_what_stands_beside_a_prompt_is_in_the_conversation(load):
    row = {"instruction": "Translate.", "input": "pain", "output": "bread", "system": "Be brief."}
    [found] = documents(load("sft", row | {"history": [["Hi.", "Hello."]], "thinking": "French."}))
    assert found["messages"] == [
        {"role": "system", "content": "Be brief."},
        user("Hi."),
        assistant("Hello."),
        user("Translate.\n\npain"),
        assistant("bread", reasoning_content="French."),
    ]


def test_a_system_column_stands_before_turns_and_never_contradicts_them(load):
    rows = [
        TURNS | {"system": "Be brief."},
        {"messages": [{"role": "system", "content": "Be long."}, *TURNS["messages"]]},
    ]
    first, second = documents(load("sft", *rows))
    assert first["messages"][0] == {"role": "system", "content": "Be brief."}
    assert second["messages"][0] == {"role": "system", "content": "Be long."}
    with pytest.raises(DataError, match="two_systems"):
        load("sft", rows[1] | {"system": "Be brief."})


@pytest.mark.parametrize(
    "turns",
    [
        [assistant(None, tool_calls=[CALL]), {"role": "tool", "name": "depth", "content": "410 m"}],
        [assistant("", tool_calls=json.dumps([CALL])), {"role": "function", "name": "depth", "content": "410 m"}],
        [
            {"from": "function_call", "value": '{"name": "depth", "arguments": {"lake": "Como"}}'},
            {"from": "observation", "value": "410 m", "name": "depth"},
        ],
        [
            assistant("", function_call={"name": "depth", "arguments": '{"lake": "Como"}'}),
            {"role": "tool", "name": "depth", "content": "410 m"},
        ],
    ],
    ids=["null", "json", "sharegpt", "function_call"],
)
@pytest.mark.parametrize("tools", [[TOOL], json.dumps([TOOL]), [TOOL["function"]], [json.dumps(TOOL)]])
def test_one_call_of_a_tool_in_many_forms(turns, tools, load):
    row = {"messages": [user("How deep?"), *turns, assistant("410 m.")], "tools": tools}
    [found] = documents(load("sft", row))
    answer = {"role": "tool", "content": "410 m", "name": "depth"}
    assert found == {
        "messages": [user("How deep?"), assistant("", tool_calls=[CALL]), answer, assistant("410 m.")],
        "tools": [TOOL],
    }


def test_parts_of_thoughts_and_tools_are_what_they_are(load):
    calls = [{"type": "thinking", "thinking": "Look."}, {"type": "tool_use", "id": "k", "name": "depth", "input": {}}]
    results = [{"type": "tool_result", "tool_use_id": "k", "content": "410 m"}]
    [found] = documents(
        load("sft", {"messages": [user("How deep?"), assistant(calls), user(results), assistant("410 m.")]})
    )
    call = {"id": "k", "type": "function", "function": {"name": "depth", "arguments": {}}}
    assert found["messages"][1:3] == [
        assistant("", reasoning_content="Look.", tool_calls=[call]),
        {"role": "tool", "content": "410 m", "tool_call_id": "k"},
    ]


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning", "thinking", "thought"])
def test_reasoning_by_any_key(key, load):
    [found] = documents(load("sft", {"messages": [user("7 and 5?"), assistant("12", **{key: "A dozen."})]}))
    assert found["messages"][1] == assistant("12", reasoning_content="A dozen.")


def test_thoughts_in_the_text_stay_there_unless_the_spec_says_otherwise(load):
    row = {"messages": [user("7 and 5?"), assistant("<think>\nA dozen.\n</think>\n\n12")]}
    assert documents(load("sft", row)) == [row]
    loaded = load("sft", row, split_think=True)
    assert documents(loaded)[0]["messages"][1] == assistant("12", reasoning_content="A dozen.")
    assert loaded.report.facts["reasoning taken out of <think>"] == 1


def test_weights_of_turns_and_whether_they_are_trained(load):
    turns = [user("a"), assistant("b", weight=0), user("c"), assistant("d", train=True), assistant("e", loss=False)]
    [found] = documents(load("sft", {"messages": turns}))
    assert [turn.get("weight") for turn in found["messages"]] == [None, 0.0, None, 1.0, 0.0]
    with pytest.raises(DataError, match="bad_weight"):
        load("sft", {"messages": [user("a"), assistant("b", weight=-1)]})


def test_own_names_for_columns_keys_and_roles(load):
    row = {
        "talk": [{"who": "pupil", "said": "Why?"}, {"who": "teacher", "said": "Because."}],
        "messages": "something else",
    }
    [found] = documents(
        load(
            "sft",
            row,
            columns={"messages": "talk", "role": "who", "content": "said"},
            role_words={"pupil": "user", "teacher": "assistant"},
        )
    )
    assert found == {"messages": [user("Why?"), assistant("Because.")]}


def test_votes_have_columns_and_ties_are_counted_and_named(load):
    rows = [
        {"frage": f"Which bird {at}?", "left": f"A wren {at}.", "right": f"A stone {at}.", "better": better}
        for at, better in enumerate(["left", "right", "tie", "a", "Right", "neither"])
    ]
    columns = {"prompt": "frage", "response_a": "left", "response_b": "right", "winner": "better"}
    loaded = load("dpo", *rows, columns=columns)
    better = [row["chosen"][0]["content"] for row in documents(loaded)]
    assert better == ["A wren 0.", "A stone 1.", "A wren 3.", "A stone 4."]
    assert loaded.report.rows_dropped == {"tie": 2}
    assert loaded.report.named["tie"] == [3, 6]


def test_the_specs_columns_go_before_those_that_are_known(load):
    row = TURNS | {"frage": "Which fish?", "antwort": "A perch."}
    [found] = documents(load("sft", row, columns={"prompt": "frage", "completion": "antwort"}))
    assert found == {"messages": [user("Which fish?"), assistant("A perch.")]}


@pytest.mark.parametrize("every", [False, True], ids=["each its own columns", "each every column"])
def test_rows_of_two_forms_whose_columns_the_spec_names_are_read_by_theirs(every, load):
    """What ``runner data process`` makes of a file of questions and of dialogues, and a wizard names the columns of."""
    rows = [{"user": "Which bird?", "assistant": "A wren.", "system": ""}, {"messages": TURNS["messages"]}]
    if every:
        rows = [dict.fromkeys(("user", "assistant", "system", "messages")) | row for row in rows]
    named = {"messages": "messages", "prompt": "user", "completion": "assistant"}
    assert documents(load("sft", *rows, columns=named)) == [TURNS, TURNS]


def test_a_column_that_is_not_there_is_told_with_the_one_that_may_be_meant(load):
    with pytest.raises(DataError, match="there is no column 'frge'") as refused:
        load("sft", {"frage": "a", "antwort": "b"}, columns={"prompt": "frge", "completion": "antwort"})
    assert "did you mean 'frage'" in refused.value.hint


@pytest.mark.parametrize(
    ("kind", "row", "says"),
    [
        ("sft", {"problem": "p", "solution": "s", "answer": "a"}, "'solution' or 'answer' could be the answer"),
        ("sft", {"question": "p", "query": "s", "answer": "a"}, "'question' or 'query' could be the prompt"),
        ("sft", {"prompt": "p", "chosen": "s", "rejected": "a"}, "model_type dpo"),
        ("sft", {"prompt": "p"}, "which is the answer to 'prompt'?"),
        ("sft", {"messages": [user({"a": 1}), assistant("b")]}, "content is an object"),
        ("sft", {"messages": ["Hello.", "Hi."]}, "a turn is a text"),
        ("dpo", TURNS, "model_type sft"),
        ("dpo", {"prompt": "p", "completion": "c", "label": True}, "model_type kto"),
        ("dpo", {"chosen": "one text", "rejected": "other"}, "no prompt"),
        ("dpo", {"prompt": "p", "response_a": "a", "response_b": "b", "winner": "tie"}, "neither answer won"),
        ("dpo", {"prompt": "p", "response_a": "a", "response_b": "b", "winner": "both bad"}, "neither answer won"),
        ("dpo", {"prompt": "p", "response_a": "a", "response_b": "b", "winner": 1}, "the winner is 1, which is none"),
        ("dpo", VOTE | {"winner_model_a": 0, "winner_model_b": 0, "winner_tie": 1}, "neither answer won"),
        ("dpo", VOTE | {"winner_model_a": 1, "winner_model_b": 1, "winner_tie": 0}, "says who won"),
        ("dpo", {"prompt": "p", "chosen": [], "rejected": "b"}, "empty list"),
        ("dpo", {"prompt": "p", "chosen": "c", "rejected": "r", "margin": "much"}, "no number"),
        ("sft", {"prompt": "p", "completion": "c", "advantage": "much"}, "no number"),
        ("sft", {"prompt": "p", "completion": "c", "advantage": True}, "no number"),
        ("dpo", {"prompt": "", "chosen": "c", "rejected": "r"}, "no prompt"),
        (
            "dpo",
            {"prompt": "other", "chosen": [user("p"), assistant("c")], "rejected": [user("p"), assistant("r")]},
            "not what chosen and rejected begin with",
        ),
        ("kto", {"prompt": "p", "completion": "c"}, "no column says which answers are wanted"),
        ("kto", {"prompt": "p", "completion": "c", "label": 3}, "the label is 3"),
        ("causal_lm", TURNS, "model_type sft"),
        ("causal_lm", {"prompt": "p", "chosen": "s", "rejected": "a"}, "model_type dpo"),
        ("causal_lm", {"text": ["a", "b"]}, "text is a list"),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_was_found(kind, row, says, load):
    with pytest.raises(DataError) as refused:
        load(kind, row)
    assert says in f"{refused.value.message} {refused.value.hint}"


def test_answers_that_look_like_lists_are_texts(load):
    [found] = documents(load("dpo", {"prompt": "p", "chosen": "42", "rejected": "[1]"}))
    assert (found["chosen"], found["rejected"]) == ([assistant("42")], [assistant("[1]")])


def test_half_a_character_within_json_text_is_named(load):
    whole = {"messages": json.dumps([user("a"), assistant("\U0001f600")])}
    half = {"messages": '[{"role": "user", "content": "\\ud83d"}, {"role": "assistant", "content": "b"}]'}
    loaded = load("sft", whole, half)
    assert loaded.report.rows_dropped == {"text that is not valid Unicode": 1}
    assert documents(loaded)[0]["messages"][1]["content"] == "\U0001f600"


def test_a_list_of_worse_answers_is_a_pair_each(load):
    loaded = load("dpo", {"prompt": "p", "chosen": "c", "rejected": ["r", "s"], "margin": 0.5})
    assert [(row["rejected"], row["margin"]) for row in documents(loaded)] == [
        ([assistant("r")], 0.5),
        ([assistant("s")], 0.5),
    ]
    assert loaded.report.rows_kept == 1
    assert loaded.report.facts["examples"] == 2


@pytest.mark.parametrize(
    "scores", [{}, {"scores": [9, 5, 5]}, {"ranks": [1, 2, 3]}, {"ratings": [4, 1, 0]}], ids=lambda each: str(each)
)
def test_a_list_of_answers_is_ranked_by_its_scores_or_by_its_order_and_that_is_told(scores, load):
    loaded = load("dpo", {"prompt": "p", "responses": ["a", "b", "c"], **scores})
    pairs = [(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in documents(loaded)]
    assert pairs == [("a", "b"), ("a", "c")]
    assert bool(scores) != any("ranked, the best one first" in warning for warning in loaded.report.warnings)


def test_the_best_score_is_the_chosen_answer_wherever_it_stands(load):
    rows = [
        {"prompt": "p", "responses": ["a", "b"], "scores": [1, 2]},
        {"prompt": "q", "responses": ["a", "b"], "scores": [1, 1]},
    ]
    loaded = load("dpo", *rows)
    assert [row["chosen"] for row in documents(loaded)] == [[assistant("b")]]
    assert loaded.report.rows_dropped == {"tie": 1}


def test_answers_that_repeat_their_prompt_are_told(load):
    loaded = load("dpo", {"prompt": "Name a tree.", "chosen": "Name a tree. Rowan.", "rejected": "Name a tree. Brick."})
    assert loaded.report.named["answers_begin_with_prompt"] == [1]


def test_keys_of_turns_in_capitals_and_turns_without_content(load):
    assert documents(load("sft", {"messages": [{"Role": "user", "Content": "a"}, {"Role": "bot", "Content": "b"}]}))
    with pytest.raises(DataError) as refused:
        load("sft", {"messages": [{"role": "user"}, assistant("b")]})
    assert "what was said is not there" in refused.value.hint
    with pytest.raises(DataError) as refused:
        load("sft", {"messages": [{"who": "user", "said": "a"}]})
    assert "data.columns.role and .content" in refused.value.hint


def test_a_conversation_whose_weights_are_all_zero_teaches_nothing(load):
    with pytest.raises(DataError, match="nothing_learned"):
        load("sft", {"messages": [user("a"), assistant("b", weight=0)]})


def test_labels_by_the_specs_own_words(load):
    rows = [{"prompt": f"p{stars}", "completion": "c", "stars": stars} for stars in (1, 5)]
    found = documents(load("kto", *rows, columns={"label": "stars"}, label_words={"5": True, "1": False}))
    assert [row["label"] for row in found] == [False, True]


def test_one_label_alone_is_told(load):
    loaded = load("kto", {"prompt": "p", "completion": "c", "label": True})
    assert "every answer is wanted: there is nothing to tell apart" in loaded.report.warnings


def test_keys_of_turns_that_nothing_reads_are_told(load):
    loaded = load("sft", {"messages": [user("a") | {"mood": "glad"}, assistant("b")], "id": 7})
    assert loaded.report.facts["unused_keys_of_turns"] == {"mood": 1}
    assert loaded.report.facts["unused_columns"] == ["id"]


def test_a_file_of_several_forms_is_told(load):
    loaded = load("sft", TURNS, {"prompt": "p", "completion": "c"}, {"instruction": "i", "output": "o"})
    assert loaded.report.facts["forms"] == {"messages": 1, "prompt_completion": 1, "alpaca": 1}


def test_parquet_gives_every_object_the_keys_of_all_and_nothing_comes_of_it(tmp_path, lines):
    import pyarrow as pa
    import pyarrow.parquet as pq

    from tests.data.dialogues.conftest import load_file

    def row(name, arguments):
        call = {"type": "function", "function": {"name": name, "arguments": arguments}}
        tool = {
            "type": "function",
            "function": {"name": name, "parameters": {"properties": {name: {"type": "string"}}}},
        }
        return {"messages": [user("q"), assistant(None, tool_calls=[call])], "tools": [tool]}

    rows = [row("first", {"a": 1}), row("second", {"b": "x"})]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet")
    from_parquet = load_file("sft", tmp_path / "t.parquet", validation_split=0.0)
    assert documents(from_parquet) == documents(load_file("sft", lines(*rows), validation_split=0.0))


def test_csv_with_messages_in_json(tmp_path):
    import csv

    from tests.data.dialogues.conftest import load_file

    path = tmp_path / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=";").writerows([["messages", "note"], [json.dumps(TURNS["messages"]), "n"]])
    assert documents(load_file("sft", path, delimiter=";", validation_split=0.0)) == [TURNS]
