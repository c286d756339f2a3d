"""Learning from a teacher: the loss by hand, who may teach, and what is the same however it is asked for."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import torch

from runner.errors import DataError, EnvironmentProblem
from tests.builders.field_effects import scaled
from tests.builders.language.conftest import conversations, steps, weights
from tests.inference.collecting.endpoint import serving


@pytest.fixture(scope="session")
def elder(base: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A teacher that is another model of the same vocabulary."""
    folder = tmp_path_factory.mktemp("elder") / "model"
    scaled(base, folder)
    return str(folder)


def model(folder: str | Path, **fields: object) -> dict[str, object]:
    return {"teacher_type": "model", "model_name": str(folder)} | fields


def by_hand(student: str, teacher: str, *, temperature: float, alpha: float) -> float:
    """The first step's loss over the nine rows that are learned, by transformers alone."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(student)
    own, other = (AutoModelForCausalLM.from_pretrained(name).eval() for name in (student, teacher))
    total, count = 0.0, 0
    for row in conversations()[:9]:
        turns = [turn.as_dict() for turn in row.conversation.messages]
        told = tokenizer.apply_chat_template(
            turns, return_dict=True, return_assistant_tokens_mask=True, return_tensors="pt"
        )
        ids, mask = told["input_ids"], torch.as_tensor(told["assistant_masks"]).view(-1)[1:].bool()
        with torch.no_grad():
            first, second = own(ids).logits[0, :-1][mask], other(ids).logits[0, :-1][mask]
        divergence = torch.nn.functional.kl_div(
            torch.log_softmax(first / temperature, -1), torch.softmax(second / temperature, -1), reduction="sum"
        )
        likelihood = torch.nn.functional.cross_entropy(first, ids[0, 1:][mask], reduction="sum")
        total += float(alpha * temperature**2 * divergence + (1 - alpha) * likelihood)
        count += int(mask.sum())
    return total / count


@pytest.mark.parametrize(("temperature", "alpha"), [(3.0, 0.7), (1.0, 1.0), (2.0, 0.25)])
def test_the_loss_is_that_of_a_hand_computation(trained, base, elder, temperature, alpha):
    _, context = trained(
        "distillation",
        context={"epochs": 1, "batch_size": 9},
        teacher=model(elder),
        temperature=temperature,
        alpha=alpha,
    )
    found = steps(context)[0]["metrics"]["train_loss"]
    assert found == pytest.approx(by_hand(str(base), elder, temperature=temperature, alpha=alpha), abs=1e-5)


def test_a_section_of_sft_is_the_same(trained, elder):
    words = {"teacher": model(elder), "alpha": 0.5, "temperature": 2.0}
    _, kind = trained("distillation", "kind", **words)
    _, section = trained("sft", "section", distillation=words)
    ours, theirs = weights(kind.artifact), weights(section.artifact)
    assert all(torch.equal(theirs[name], tensor) for name, tensor in ours.items())


@pytest.mark.parametrize("fields", [{"gradient_accumulation": 3}, {"packing": "packed"}])
def test_the_loss_is_the_same_however_a_step_is_cut(trained, elder, fields):
    words = {"teacher": model(elder), "context": {"epochs": 1, "batch_size": 9}}
    _, whole = trained("distillation", "whole", **words)
    size = {"gradient_accumulation": 3}.get(next(iter(fields)), 9)
    _, cut = trained("distillation", "cut", **words | {"context": {"epochs": 1, "batch_size": size}}, **fields)
    one, two = (steps(context)[0]["metrics"]["train_loss"] for context in (whole, cut))
    assert one == pytest.approx(two, abs=1e-5)


def test_the_teacher_is_measured_on_the_same_rows_and_does_not_learn(trained, elder):
    before = weights(Path(elder))
    result, _ = trained("distillation", teacher=model(elder))
    assert result.tables["teacher"]["columns"][:2] == ["model", "loss"]
    assert all(torch.equal(weights(Path(elder))[name], tensor) for name, tensor in before.items())


def test_nearer_to_the_teacher_is_where_the_student_goes(trained, elder):
    """With alpha 1 the data's own tokens count nothing: the loss is the divergence, and falls."""
    _, context = trained("distillation", teacher=model(elder), alpha=1.0, context={"epochs": 4})
    losses = [step["metrics"]["train_loss"] for step in steps(context)]
    assert losses[-1] < 0.5 * losses[0]


def test_odds_beyond_the_other_model_are_cut_and_told(trained, base, elder, tmp_path):
    from transformers import AutoModelForCausalLM

    wide = tmp_path / "wide"
    shutil.copytree(elder, wide)
    padded = AutoModelForCausalLM.from_pretrained(elder)
    size = padded.config.vocab_size
    padded.resize_token_embeddings(size + 60, mean_resizing=False)
    padded.save_pretrained(wide)
    _, context = trained("distillation", teacher=model(wide))
    (told,) = [event for event in context.emit.of("warning") if "odds" in event["message"]]
    assert str(size) in told["message"] and str(size + 60) in told["message"]
    assert told["pointer"] == "/model/spec/teacher/model_name"


def swapped(folder: Path) -> None:
    """The tokenizer with two of its tokens the other way round: as many, and others."""
    path = folder / "tokenizer.json"
    document = json.loads(path.read_text())
    words = document["model"]["vocab"]
    words["A"], words["B"] = words["B"], words["A"]
    path.write_text(json.dumps(document))


def test_a_teacher_of_another_vocabulary_is_refused_before_weights_are_read(trained, elder, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(elder, other)
    swapped(other)
    (other / "model.safetensors").write_bytes(b"never read")
    with pytest.raises(DataError, match="another vocabulary") as caught:
        trained("distillation", teacher=model(other))
    assert caught.value.where == "/model/spec/teacher/model_name"
    assert "text" in caught.value.hint
    # Two tokens that differ are no small thing: all odds are of another vocabulary.
    assert "the two are different vocabularies" in caught.value.message
    assert re.search(r"2 of the \d+ numbers that both have stand for other tokens", caught.value.message)
    with pytest.raises(DataError, match="another vocabulary") as caught:
        trained("sft", "section", distillation={"teacher": model(other)})
    assert caught.value.where == "/model/spec/distillation/teacher/model_name"


def test_teacher_and_student_may_read_other_prompts(trained, elder, base):
    words = {"teacher": model(elder), "alpha": 1.0, "temperature": 1.0, "context": {"epochs": 1, "batch_size": 9}}
    _, plain = trained("distillation", "plain", **words)
    _, other = trained("distillation", "other", **words, teacher_template="Think step by step. {input}")
    _, both = trained(
        "distillation", "both", **words, teacher_template="Please: {input}", student_template="Please: {input}"
    )
    losses = {steps(context)[0]["metrics"]["train_loss"] for context in (plain, other, both)}
    assert len(losses) == 3
    # A student that reads what its teacher does, and is the same model, has nothing to learn; else it has.
    same = words | {"teacher": model(base)}
    _, alike = trained("distillation", "alike", **same)
    _, unlike = trained("distillation", "unlike", **same, teacher_template="Think step by step. {input}")
    assert steps(alike)[0]["metrics"]["train_loss"] == pytest.approx(0, abs=1e-6)
    assert steps(unlike)[0]["metrics"]["train_loss"] > 1e-5


def answers(path: Path, count: int = 12) -> Path:
    lines = [
        {"prompt": row.conversation.messages[0].content, "answer": f"Sum: {row.line}."}
        for row in conversations()[:count]
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def saying(*texts: str):
    """The rows with other answers."""
    from dataclasses import replace

    rows = conversations()
    return [
        replace(row, conversation=row.conversation.with_messages(
            [row.conversation.messages[0], replace(row.conversation.messages[1], content=text)]
        )) if text else row
        for row, text in zip(rows, [*texts, *[""] * (len(rows) - len(texts))], strict=True)
    ]  # fmt: skip


def test_answers_of_a_file_are_learned_in_place_of_the_datas(trained, tmp_path):
    given = {"teacher_type": "answers", "path": str(answers(tmp_path / "answers.jsonl"))}
    _, taught = trained("distillation", "taught", teacher=given)
    _, plain = trained("sft", "plain", saying(*(f"Sum: {line}." for line in range(1, 10))))
    ours, theirs = weights(taught.artifact), weights(plain.artifact)
    assert all(torch.equal(theirs[name], tensor) for name, tensor in ours.items())


def test_rows_without_an_answer_are_named_and_none_at_all_is_refused(trained, tmp_path):
    given = {"teacher_type": "answers", "path": str(answers(tmp_path / "answers.jsonl", 7))}
    result, context = trained("distillation", teacher=given)
    assert result.metrics["n_train"] == 7
    (told,) = [event for event in context.emit.of("warning") if "no answer" in event["message"]]
    assert "line 8, 9" in told["message"]
    (tmp_path / "none.jsonl").write_text('{"prompt": "Who?", "answer": "Me."}\n')
    with pytest.raises(DataError, match="9 of 9 rows") as none:
        trained("distillation", "none", teacher=given | {"path": str(tmp_path / "none.jsonl")})
    # A file answers nothing anew: it is to be written to.
    assert "none.jsonl" in none.value.hint and "max_new_tokens" not in none.value.hint
    assert "max_rows_lost" not in none.value.hint  # there are no others to learn from
    (tmp_path / "bad.jsonl").write_text('{"prompt": "Who?"}\n')
    with pytest.raises(DataError, match="prompt and answer"):
        trained("distillation", "bad", teacher=given | {"path": str(tmp_path / "bad.jsonl")})


def test_an_endpoint_is_asked_once_and_its_answers_are_learned(trained, monkeypatch):
    monkeypatch.setenv("TEACHER_KEY", "open sesame")
    with serving() as endpoint:
        given = {"teacher_type": "endpoint", "base_url": endpoint.url, "model": "good", "key_env": "TEACHER_KEY"}
        _, taught = trained("distillation", "taught", teacher=given)
        assert endpoint.asked == {"good": 9} and endpoint.keys == {"Bearer open sesame"}
        assert {body["max_tokens"] for body in endpoint.bodies} == {256}
        trained("distillation", "again", teacher=given)
        assert endpoint.asked == {"good": 9}
    _, plain = trained("sft", "plain", saying(*(f"It is {2 * at + 3}" for at in range(9))))
    ours, theirs = weights(taught.artifact), weights(plain.artifact)
    assert all(torch.equal(theirs[name], tensor) for name, tensor in ours.items())


def test_an_endpoint_that_fails_ends_the_run_by_name_and_keeps_the_rest(trained):
    with serving() as endpoint:
        endpoint.faults["good"] = [(400, {}, "no such thing")]
        given = {"teacher_type": "endpoint", "base_url": endpoint.url, "model": "good", "concurrency": 1}
        with pytest.raises(EnvironmentProblem, match=r"1 of 9 questions got no answer: HTTP 400: no such thing"):
            trained("distillation", "one", teacher=given)
        trained("distillation", "two", teacher=given)
        assert endpoint.asked == {"good": 10}


def test_an_endpoint_that_is_waited_for_is_told_of(trained):
    with serving() as endpoint:
        endpoint.faults["good"] = [(429, {"Retry-After": "0"}, "slow down"), (503, {"Retry-After": "0"}, "busy")]
        given = {"teacher_type": "endpoint", "base_url": endpoint.url, "model": "good", "concurrency": 1}
        _, context = trained("distillation", "one", teacher=given)
        assert endpoint.asked == {"good": 11}
    told = [event for event in context.emit if event["event"] == "warning" and "asked again" in event["message"]]
    # Of several that fail alike one is told.
    assert [event["message"] for event in told] == ["good: HTTP 429: asked again, 2 of 5 times"]
    assert told[0]["pointer"] == "/model/spec/teacher"


@pytest.mark.slow
@pytest.mark.warm
def test_a_model_of_another_vocabulary_teaches_by_its_text(trained, tmp_path):
    """It was taught to say the same to everything, so that its answers end."""
    rows = saying(*["Yes."] * 12)
    _, elder = trained("sft", "elder", rows, held=0, context={"epochs": 30})
    other = tmp_path / "copy"
    shutil.copytree(elder.artifact, other)
    swapped(other)
    given = model(other, outputs="text", answering={"max_new_tokens": 12})
    _, taught = trained("distillation", "taught", teacher=given)
    _, plain = trained("sft", "plain", saying(*["Yes."] * 9))
    ours, theirs = weights(taught.artifact), weights(plain.artifact)
    assert all(torch.equal(theirs[name], tensor) for name, tensor in ours.items())


def test_an_answer_that_was_cut_is_no_lesson(trained, elder):
    with pytest.raises(DataError, match="does not end within max_new_tokens"):
        trained("distillation", teacher=model(elder, outputs="text", answering={"max_new_tokens": 4}))


ON_POLICY = {"share": 0.5, "max_new_tokens": 8}


def test_what_the_student_says_itself_is_learned_of_the_teacher_alone(trained, elder):
    words = {"teacher": model(elder), "context": {"epochs": 1}}
    _, plain = trained("distillation", "plain", **words)
    _, some = trained("distillation", "some", **words, on_policy=ON_POLICY)
    _, again = trained("distillation", "again", **words, on_policy=ON_POLICY)
    assert steps(plain)[0]["metrics"] != steps(some)[0]["metrics"]
    ours, theirs = weights(some.artifact), weights(again.artifact)
    assert all(torch.equal(theirs[name], tensor) for name, tensor in ours.items())
    # Of a teacher that is the student itself there is nothing to learn, and of its own answers no likelihood.
    spent = {"epochs": 1, "batch_size": 9}
    _, none = trained("distillation", "none", context=spent, on_policy=ON_POLICY | {"share": 1.0})
    assert steps(none)[0]["metrics"]["train_loss"] == pytest.approx(0, abs=1e-6)


def test_odds_of_all_tokens_that_were_kept_are_those_of_the_teacher_beside_it(trained, elder):
    live, before = model(elder), model(elder, top_k=100_000)
    words = {"temperature": 2.0, "packing": "packed"}
    _, beside = trained("distillation", "beside", teacher=live, **words)
    result, kept = trained("distillation", "kept", teacher=before, **words)
    file = result.tables["teacher"]["rows"][0][-1]
    _, given = trained("distillation", "given", teacher={"teacher_type": "odds", "path": file}, **words)
    losses = [[step["metrics"]["train_loss"] for step in steps(context)] for context in (beside, kept, given)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    ours, theirs = weights(kept.artifact), weights(given.artifact)
    assert all(torch.equal(theirs[name], tensor) for name, tensor in ours.items())
    _, fewer = trained("distillation", "fewer", teacher=model(elder, top_k=5), **words)
    assert steps(fewer)[0]["metrics"]["train_loss"] != pytest.approx(losses[0][0], abs=1e-3)


def test_odds_of_another_vocabulary_or_of_other_rows_are_refused(trained, base, elder, tmp_path):
    result, _ = trained("distillation", "kept", teacher=model(elder, top_k=4))
    given = {"teacher_type": "odds", "path": result.tables["teacher"]["rows"][0][-1]}
    other = tmp_path / "other"
    shutil.copytree(base, other)
    swapped(other)
    with pytest.raises(DataError, match="another vocabulary"):
        trained("distillation", "other", teacher=given, base_model_name=str(other))
    with pytest.raises(DataError, match="none of the rows"):
        trained("distillation", "longer", teacher=given, student_template="Please: {input}")
    (tmp_path / "no.safetensors").write_bytes(b"none")
    with pytest.raises(DataError, match="no odds"):
        trained("distillation", "no", teacher=given | {"path": str(tmp_path / "no.safetensors")})
    some, context = trained("distillation", "some", [*saying("Other."), *conversations()[9:]], teacher=given)
    assert some.metrics["n_train"] == 8
    assert any("line 1" in event["message"] for event in context.emit.of("warning"))
