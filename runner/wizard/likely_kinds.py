"""A sample of rows tried on the layouts: which kinds could train on it, with which columns, and how likely it is meant.

What a column is for is found by the layouts themselves, as a training finds it (:mod:`runner.execution.data_trial`).
Here is only what they do not know: which of several that could read the rows a person most probably means.
"""

from __future__ import annotations

from typing import Any, get_args

from runner.contract.quantities import counted
from runner.data.boxes.form_names import Corners
from runner.execution.data_trial import DataTrial
from runner.wizard.column_profiles import ColumnLook
from runner.wizard.kind_trials import KindTrials, Trials

#: Usual names of a table's target, in lower case, beside those that layouts know.
TARGETS = ("target", "label", "class", "y", "outcome", "species", "category", "survived", "churn", "price", "quality")
#: Names of columns that hold what an answer is checked by.
CHECKED_BY = ("final_answer", "ground_truth", "answer_number", "expected", "solution", "test", "tests", "reference")
#: Names of texts that are turned into others, and of what they become.
TEXTS_TO_TEXTS = (
    "article", "document", "abstract", "summary", "summaries", "highlights", "tldr", "source", "target", "translation",
)  # fmt: skip
#: More different numbers than this are no classes.
MOST_NUMBER_CLASSES = 20


class Trying(KindTrials):
    """Which kinds of every family a sample could train, and how likely each is meant."""

    def all(self) -> Trials:
        """Every family that there is."""
        for judge in (
            self._routers, self._boxes, self._pictures, self._pictured, self._tags, self._questions, self._preferences,
            self._wanted, self._pairs, self._conversations, self._sources, self._labelled, self._rewarded, self._texts,
            self._tables,
        ):  # fmt: skip
            judge()
        self.trials.found.sort(key=lambda tried: -tried.score)
        return self.trials

    def pictures(self) -> Trials:
        """Those that read folders of pictures."""
        for judge in (self._boxes, self._pictures, self._pictured):
            judge()
        self.trials.found.sort(key=lambda tried: -tried.score)
        return self.trials

    def _routers(self) -> None:
        trial = self._trial("elo_scoring")
        if trial is None:
            return
        facts = trial.report.facts
        if "scores" in facts:
            what = f"{facts['prompts']:,} prompts with scores of {counted(facts['llms'], 'LLMs')}: an outcome matrix"
        else:
            what = f"{counted(trial.report.rows_kept, 'rows')} compare the answers of two LLMs"
        if (prompts := self._trial("linear_scoring")) is not None:
            self._add("linear_scoring", 96, f"{what}, with their prompts: a router", prompts)
        self._add("bradley_terry_scoring", 95, f"{what}: a leaderboard", trial)
        self._add("elo_scoring", 94, f"{what}: ratings", trial)

    def _boxes(self) -> None:
        trial, fits = self._trial("object_detection"), dict[str, DataTrial]()
        if trial is None and "nothing says which is meant" in self.trials.refused["object_detection"]:
            tried = {form: self._trial("object_detection", box_format=form) for form in get_args(Corners)}
            fits = {form: each for form, each in tried.items() if each is not None}
            trial = next(iter(fits.values()), None)
        if trial is not None:
            facts = trial.report.facts
            what = f"{facts.get('boxes', 0):,} boxes in {counted(trial.report.rows_kept, 'pictures')}"
            added = self._add("object_detection", 96, what, trial, self._found(trial))
            if fits:
                added.columns |= {"box_format": next(iter(fits))}
                added.choose["box_format"] = list(fits)
                added.reasons.append(f"the boxes fit as {' and as '.join(fits)}: only you know which is meant")

    def _pictures(self) -> None:
        if (trial := self._trial("image_classification")) is not None:
            classes = trial.report.facts.get("classes") or {}
            where = self._found(trial).get("label")
            of = f"column {where} has" if where else "the folders are"
            what = f"{of} {counted(len(classes), 'classes')}, of {counted(trial.report.rows_kept, 'pictures')}"
            self._add("image_classification", 91, what, trial, self._found(trial))
        if (trial := self._trial("image_regression")) is not None:
            columns = self._found(trial)
            target = self.looks.get(columns.get("target", ""))
            score = 92 if target is not None and target.distinct > MOST_NUMBER_CLASSES else 70
            self._add("image_regression", score, "each picture has a number", trial, columns)

    def _pictured(self) -> None:
        trial = self._trial("vision_language")
        if trial is None:
            return
        facts = trial.report.facts
        if not facts.get("pictures"):
            self.trials.refused["vision_language"] = "no row has a picture"
            return
        columns = self._found(trial)
        what = "a caption" if "caption" in columns else "a question and its answer"
        reason = f"{counted(facts['pictures'], 'pictures')}, each with {what}"
        self._add("vision_language", 90 if "caption" in columns else 93, reason, trial, columns)

    def _tags(self) -> None:
        if (trial := self._trial("token_classification")) is not None:
            columns = self._found(trial)
            entities = trial.report.facts.get("entities") or {}
            what = f"words and a tag for each: entities of {counted(len(entities), 'kinds')}"
            self._add("token_classification", 94, what, trial, columns)

    def _questions(self) -> None:
        if (trial := self._trial("extractive_qa")) is not None:
            columns = self._found(trial)
            what = (
                f"{columns.get('question', 'a question')} is answered by a piece of {columns.get('context', 'a text')}"
            )
            self._add("extractive_qa", 93, what, trial, columns)

    def _preferences(self) -> None:
        if (trial := self._trial("dpo")) is None:
            return
        columns = self._found(trial)
        votes = "votes" in (trial.report.facts.get("forms") or {})
        what = "two answers to each prompt, of which one is better"
        score = 72 if votes else 93
        self._add("dpo", score, what, trial, columns)
        self._add("orpo", score - 4, f"{what}; learned without a reference model", trial, columns)
        self._add("reward", score - 5, f"{what}: a reward model", trial, columns)

    def _wanted(self) -> None:
        if (trial := self._trial("kto")) is not None:
            pairs = "preference" in (trial.report.facts.get("forms") or {})
            what = "answers, each wanted or not" + (": the better and the worse of each pair" if pairs else "")
            self._add("kto", 62 if pairs else 92, what, trial, self._found(trial))

    def _pairs(self) -> None:
        for kind, better in (("cross_encoder", 1), ("sentence_embedding", 0)):
            if (trial := self._trial(kind)) is None:
                continue
            columns = self._found(trial)
            form = next(iter(trial.report.facts.get("forms") or {}), "pair")
            texts = " and ".join(str(columns[role]) for role in ("anchor", "positive") if role in columns)
            said = {
                "pair_score": f"{texts} with a number, how alike they are",
                "pair_class": f"{texts} with a class",
            }.get(form, f"{texts} belong together")
            score = {"pair_score": 88 + (1 - better), "pair_class": 86 + better * 3, "pair": 50}.get(form, 89)
            self._add(kind, score - (15 if form == "pair_class" and not better else 0), said, trial, columns)

    def _conversations(self) -> None:
        if (trial := self._trial("sft")) is None:
            return
        forms, columns = trial.report.facts.get("forms") or {}, self._found(trial)
        if "messages" in forms:
            what = f"conversations: {columns.get('messages', 'messages')} holds turns with roles"
        else:
            found = trial.report.facts.get("columns") or {}
            asked, answer = found.get("prompt") or found.get("messages"), found.get("completion") or found.get("calls")
            beside = f"and {answer} its answer" if answer else "with its answers beside it"
            what = f"{asked} is a prompt, {beside}" if asked else "prompts and answers"
        good = "messages" in forms or "accepted_calls" in forms
        self._add("sft", 90 if good else 85, what, trial, columns)
        # Who teaches is asked besides; the rows are read alike.
        self._add("distillation", 45, f"{what}; learned from a teacher's odds", trial, columns)

    def _sources(self) -> None:
        if (trial := self._trial("seq2seq")) is None:
            return
        columns = self._found(trial)
        languages = "languages" in (trial.report.facts.get("forms") or {})
        called = {str(name).strip().lower() for name in columns.values()} & {*TEXTS_TO_TEXTS}
        chat = any(tried.kind == "sft" for tried in self.trials.found)
        what = f"{columns.get('source', 'a text')} becomes {columns.get('target', 'another')}"
        score = 88 if languages or called else 60 if chat else 86
        self._add("seq2seq", score, what + (": a translation" if languages else ""), trial, columns)

    def _labelled(self) -> None:
        classes = self._trial("text_classification")
        guessed = classes is None
        if classes is None:
            classes = self._said("text_classification", self._class_columns())
        if classes is not None:
            columns = _labelled_columns(classes)
            target = columns.get("target_columns")
            look = self.looks.get(target) if isinstance(target, str) else None
            counts = (classes.report.facts.get("targets") or {}).get(target) if isinstance(target, str) else None
            distinct = look.distinct if look is not None else len(counts or ())
            rows = self.rows.count_text() if self.rows is not None else ""
            if look is None or look.is_category or (look.kind == "words" and distinct <= look.cells / 3):
                number = look is not None and look.kind == "number"
                what = f"column {target} has {counted(distinct, 'values')} in {rows}: classes"
                several = isinstance(columns.get("text_columns"), list)
                whole = look is not None and look.kind in ("whole number", "number")
                score = 60 if number or (whole and distinct > MOST_NUMBER_CLASSES) else 82 if several else 87
                score -= (20 if guessed else 0) + (40 if self._is_list(columns.get("text_columns")) else 0)
                # A class with many other columns beside the text is a table's more probably.
                score -= min(20, 2 * max(0, len(self.looks) - 6))
                self._add("text_classification", score, what, classes, columns)
            else:
                self.trials.refused["text_classification"] = f"column {target} has {distinct:,} different values"
        numbers = self._trial("text_regression") or self._said("text_regression", self._number_columns())
        if numbers is not None:
            columns = _labelled_columns(numbers)
            target = columns.get("target_columns")
            look = self.looks.get(target) if isinstance(target, str) else None
            few = look is not None and look.kind == "whole number" and look.distinct <= MOST_NUMBER_CLASSES
            several = isinstance(columns.get("text_columns"), list)
            score = (65 if few else 75 if several else 86) - min(20, 2 * max(0, len(self.looks) - 6))
            self._add("text_regression", score, f"column {target} is numbers", numbers, columns)

    def _is_list(self, name: Any) -> bool:
        look = self.looks.get(name) if isinstance(name, str) else None
        return look is not None and look.kind in ("list", "object")

    def _said(self, kind: str, columns: dict[str, Any] | None) -> DataTrial | None:
        return None if columns is None else self._trial(kind, columns)

    def _class_columns(self) -> dict[str, Any] | None:
        texts = self._text_columns()
        classes = [
            look.name
            for look in self.looks.values()
            if look.is_category and look.kind in ("words", "whole number", "boolean") and not look.sides
        ]
        if not texts or len(classes) != 1:
            return None
        return {"text_columns": texts[0], "target_columns": classes[0]}

    def _number_columns(self) -> dict[str, Any] | None:
        texts = self._text_columns()
        numbers = [look.name for look in self.looks.values() if look.kind == "number" and look.distinct > 2]
        if not texts or len(numbers) != 1:
            return None
        return {"text_columns": texts[0], "target_columns": numbers[0]}

    def _text_columns(self) -> list[str]:
        texts = [look for look in self.looks.values() if look.kind == "texts"]
        return [look.name for look in sorted(texts, key=lambda look: -look.usual)]

    def _rewarded(self) -> None:
        if (trial := self._trial("grpo")) is None:
            return
        columns = self._found(trial)
        checked = next((name for name in self.looks if name.strip().lower() in CHECKED_BY), None)
        what = "prompts to be answered"
        what += f", and {checked} to check the answers by" if checked else "; a reward says what an answer is worth"
        score = 80 if checked else 35
        self._add("grpo", score, what, trial, columns)
        self._add("online_dpo", score - 35 if checked else 20, what, trial, columns)
        self._add("ppo", score - 36 if checked else 19, what, trial, columns)

    def _texts(self) -> None:
        if (trial := self._trial("causal_lm")) is not None:
            columns = self._found(trial)
            name = columns.get("text", "text")
            look = self.looks.get(name)
            long = look is not None and look.kind == "texts"
            score = (72 if len(self.looks) <= 2 else 40) if long else 10
            self._add("causal_lm", score, f"{name} is plain texts, to go on with", trial, columns)

    def _tables(self) -> None:
        if any(
            tried.kind in ("vision_language", "image_classification", "object_detection") for tried in self.trials.found
        ):
            return
        looks = [look for look in self.looks.values() if look.kind not in ("list", "object", "bytes", "empty")]
        inputs = [look for look in looks if look.kind != "texts" and not look.sides]
        odd = [look.name for look in self.looks.values() if look.kind in ("list", "object", "bytes")]
        if odd or len(looks) < 2:
            why = f"column {odd[0]} has lists or objects in its cells" if odd else "there is one column"
            self.trials.refused |= dict.fromkeys(("tabular_classification", "tabular_regression"), why)
            return
        wide = len(inputs) >= 3 and not (len(inputs) <= 4 and any(look.usual > 60 for look in looks))
        for kind, fits in (("tabular_classification", _is_class), ("tabular_regression", _is_number)):
            self._table(kind, [look for look in inputs if fits(look)], looks, 82 if wide else 30)

    def _table(self, kind: str, targets: list[ColumnLook], looks: list[ColumnLook], score: int) -> None:
        if not targets:
            what = "classes" if kind == "tabular_classification" else "numbers"
            self.trials.refused[kind] = f"no column looks like {what} to predict"
            return
        usual = [look for look in targets if look.name.strip().lower() in TARGETS]
        likely = sorted(targets, key=lambda look: TARGETS.index(look.name.strip().lower()) if look in usual else 99)
        trial, fields = None, dict[str, Any]()
        for target in likely[:3]:
            columns = {"target_columns": target.name}
            for fields in ({}, {"text": "hash"}, {"text": "ignore"}):
                if (trial := self._trial(kind, columns | fields)) is not None:
                    break
            if trial is not None:
                break
        else:
            return
        others = len(looks) - 1
        if usual:
            reason = f"column {target.name} is called as a target is, beside {counted(others, 'columns')}"
        else:
            reason, score = f"a table of {counted(len(looks), 'columns')}; which is predicted, only you know", score - 4
        what = f"{counted(target.distinct, 'values')}: classes" if kind == "tabular_classification" else "numbers"
        tried = self._add(kind, score - (0 if target in usual else 1), reason, trial, columns | fields)
        tried.reasons.append(f"column {target.name} has {what}")
        if fields:
            how = "their words are counted" if fields["text"] == "hash" else "they are passed over"
            tried.reasons.append(f"columns of texts are inputs too: {how}")
        if kind == "tabular_regression" and not usual:
            tried.score -= 10
        if len(targets) > 1 and not usual:
            tried.choose["target_columns"] = [look.name for look in likely]


def _is_class(look: ColumnLook) -> bool:
    few = look.distinct <= MOST_NUMBER_CLASSES or look.kind in ("words", "boolean")
    return look.is_category and few and look.kind in ("words", "boolean", "whole number", "texts")


def _is_number(look: ColumnLook) -> bool:
    return look.kind in ("number", "whole number") and look.distinct > 2 and not _is_key(look)


def _is_key(look: ColumnLook) -> bool:
    """Whether it only counts the rows."""
    return look.kind == "whole number" and look.distinct == look.cells and look.name.lower() in ("id", "index", "")


def _labelled_columns(trial: DataTrial) -> dict[str, Any]:
    """The fields of the columns that a layout of texts found."""
    facts = trial.report.facts
    found = {"text_columns": facts.get("text") or [], "target_columns": facts.get("target") or []}
    return {name: names[0] if len(names) == 1 else list(names) for name, names in found.items() if names}
