"""Teachers that nobody can learn from, and losses that do not add up."""

from __future__ import annotations

import json
from typing import Any

from tests.bad_inputs.case import Bench, Case
from tests.bad_inputs.language_materials import TINY, answer, base, lacking, language, question, trained, wrong

SPEC = "/model/spec"
TEACHER = f"{SPEC}/teacher"
ELDER = {"teacher_type": "model", "model_name": TINY}
FILE = {"teacher_type": "answers", "path": "answers.jsonl"}


def taught(teacher: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    return language("distillation", teacher=teacher or ELDER, **settings)


def other_vocabulary(bench: Bench) -> None:
    """A teacher with as many tokens, two of which are the other way round."""
    path = base(bench) / "tokenizer.json"
    document = json.loads(path.read_text())
    words = document["model"]["vocab"]
    words["A"], words["B"] = words["B"], words["A"]
    path.write_text(json.dumps(document))


def answers(*lines: dict[str, Any]) -> Any:
    return lambda bench: bench.write("answers.jsonl", list(lines))


CASES: list[Case] = [
    wrong("nobody teaches", taught(teacher="left out"), "`teacher` is missing"),
    wrong("a sort of teacher that there is none of", taught({"teacher_type": "modle"}), f"{TEACHER}/teacher_type"),
    wrong("a key in a spec", taught({"teacher_type": "endpoint", "api_key": "abc"}), f"{TEACHER}/api_key", faults=3),
    wrong("a teacher's template without a place", taught(teacher_template="Think."), f"{SPEC}/teacher_template"),
    wrong("no temperature", taught(temperature=0), f"{SPEC}/temperature", "more than 0"),
    wrong("nothing of the teacher", taught(alpha=0), f"{SPEC}/alpha", "more than 0"),
    wrong("a mixture of one divergence", taught(beta=0.3), f"{SPEC}/beta", "forward_kl", "jsd"),
    wrong("a temperature of text", taught(FILE, temperature=2), f"{SPEC}/temperature", "text"),
    wrong(
        "a way to answer where logits are learned",
        taught(ELDER | {"answering": {"max_new_tokens": 4}}),
        f"{TEACHER}/answering",
    ),
    wrong("questions of which the answers are packed", taught(on_policy={}, packing="packed"), f"{SPEC}/packing"),
    wrong("a user's turns that the student answers", taught(on_policy={}, loss_on="all"), f"{SPEC}/loss_on"),
    wrong(
        "a divergence that odds that are kept do not tell",
        taught(ELDER | {"top_k": 8}, divergence="reverse_kl"),
        f"{SPEC}/divergence",
        "forward_kl",
    ),
    wrong("a pickle of odds", taught({"teacher_type": "odds", "path": "odds.pt"}), f"{TEACHER}/path"),
    wrong("a stored teacher's revision", taught(ELDER | {"model_name": "sft/a", "revision": "x"}), "revision"),
    wrong("losses that count nothing", taught(alpha=1, losses={"focal": {}}), f"{SPEC}/alpha"),
    wrong("a loss that there is none of", language(losses={"crossentropy": {}}), f"{SPEC}/losses/crossentropy"),
    wrong("losses that learn nothing", language(losses={"kl_to_reference": {}}), f"{SPEC}/losses", "focal"),
    wrong(
        "advantages under a teacher",
        language(losses={"ppo": {}}, distillation={"teacher": ELDER}),
        f"{SPEC}/losses/ppo",
        "teacher",
    ),
    wrong(
        "importance sampling that clips",
        language(losses={"importance_sampling": {"clip_range": 0.1}}),
        f"{SPEC}/losses/importance_sampling/clip_range",
    ),
    lacking("advantages that no row has", language(losses={"cispo": {}}), f"{SPEC}/losses/cispo", "advantage"),
    lacking(
        "an advantage of a word",
        language(losses={"cispo": {}}),
        "bad_advantage",
        rows=[{"prompt": question(at), "completion": answer(at), "advantage": "good"} for at in range(12)],
        quick=True,
    ),
    wrong("odds that are smoothed twice", language(losses={"focal": {}}, label_smoothing=0.1), "label_smoothing"),
    trained(
        "a stored teacher that is not there",
        5,
        taught(ELDER | {"model_name": "sft/nobody"}),
        f"{TEACHER}/model_name",
        "sft/nobody",
    ),
    trained(
        "a teacher of another family",
        5,
        taught(ELDER | {"model_name": "elo_scoring/ratings"}),
        f"{TEACHER}/model_name",
        "ranking",
        spoil=Bench.furnish,
    ),
    trained("a file of answers that is not there", 5, taught(FILE), f"{TEACHER}/path", "answers.jsonl"),
    trained(
        "a teacher whose key is not there",
        6,
        taught({"teacher_type": "endpoint", "base_url": "https://a.b/v1", "model": "m", "key_env": "NO_SUCH_KEY"}),
        "NO_SUCH_KEY",
    ),
    lacking(
        "a teacher of another vocabulary",
        taught(ELDER | {"model_name": "./base"}),
        f"{TEACHER}/model_name",
        "another vocabulary",
        '"outputs": "text"',
        spoil=other_vocabulary,
    ),
    lacking(
        "two answers to one prompt",
        taught(FILE),
        f"{TEACHER}/path",
        "answers.jsonl:2",
        spoil=answers({"prompt": question(0), "answer": answer(0)}, {"prompt": question(0), "answer": answer(1)}),
    ),
    lacking(
        "answers to other prompts",
        taught(FILE),
        TEACHER,
        "no answer",
        spoil=answers({"prompt": "Who?", "answer": "Me."}),
    ),
]
