"""Write ``docs/kinds/``: a page for each model type, and one for the prompt features, from the code itself.

    .venv/bin/python docs/build.py            # write them
    .venv/bin/python docs/build.py --check    # fail if a page differs

It writes ``docs/importing_tables.md`` as well: what becomes of every setting of other programs' configurations.

A page has the text of the kind's module, its fields as the published schema has them, and its example. What a guide
says of the kind or of its family, ``docs/guides/NAME.md``, comes before the fields; with a family's come those of
``data``.
"""

from __future__ import annotations

import inspect
import json
import sys
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from runner import registry
from runner.contract import option
from runner.interchange import rules, spec_fields
from runner.interchange.importers import detection
from runner.spec.json_schemas import schema_for
from runner.spec.schema_walk import present_words
from runner.training.finetuning_specs import FinetuningSpec, Lora
from runner.training.gradient_training import DiagnosedTraining
from runner.training.precision import TransformerPrecision

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "kinds"
GUIDES = ROOT / "docs" / "guides"
TABLES = ROOT / "docs" / "importing_tables.md"
SHARED = (
    "optimizer", "schedule", "early_stopping", "cross_validation", "diagnostics", "finetuning_spec", "precision",
)  # fmt: skip
Schema = dict[str, Any]


class Shared(TransformerPrecision, DiagnosedTraining):
    """Every section that types share, in one spec."""

    finetuning_spec: FinetuningSpec = option(
        factory=lambda: Lora(method="lora"), description="Which of a transformer's weights are trained, and how."
    )


def pages() -> dict[str, str]:
    """Every page by file name."""
    kinds = list(registry.built_in().values())
    made = {f"{kind.name}.md": kind_page(kind) for kind in kinds}
    return made | {
        "README.md": index_page(kinds),
        "prompt_features.md": features_page(),
        "sections.md": sections_page(kinds),
    }


def kind_page(kind: registry.Kind) -> str:
    """What a type is, when to use it, where it comes from; a spec; its fields."""
    module = import_module(kind.module)
    source, text = Path(module.__file__ or ""), inspect.getdoc(module) or ""
    first, _, rest = text.partition("\n\n")
    spec = schema_for(kind.name)
    builder = registry.load(kind.name)
    used = {"epochs": builder.Spec.uses_epochs, "batch_size": builder.Spec.uses_batch_size}
    ignored = [name for name in used if not used[name]]
    parts = [
        f"<!-- made by docs/build.py from {source.relative_to(ROOT)} and its schema -->",
        f"# `{kind.name}`",
        first,
        rest,
        f"Needs: {', '.join(f'`{name}`' for name in builder.REQUIRES)}."
        + (f" Ignores {' and '.join(f'`{name}`' for name in ignored)}." if ignored else ""),
        "## A spec",
        f"[`specs/{kind.name}.json`](../../specs/{kind.name}.json), to be trained with"
        f" `runner train --spec-file specs/{kind.name}.json`:",
        f"```json\n{(ROOT / 'specs' / f'{kind.name}.json').read_text('utf-8').rstrip()}\n```",
        guide(kind.name, kind),
        family := guide(kind.family, kind),
        "## Fields of `model.spec`",
        *_tables(spec["$defs"]["Spec"], spec),
    ]
    if family:
        parts += ["## Fields of `data`", *_tables(_resolve(spec["properties"]["data"], spec), spec)]
    return "\n\n".join(part for part in parts if part) + "\n"


def guide(name: str, kind: registry.Kind) -> str:
    """The guide of that name in the words of the kind, empty where there is none."""
    path = GUIDES / f"{name}.md"
    if not path.exists():
        return ""
    spec = json.loads((ROOT / "specs" / f"{kind.name}.json").read_text("utf-8"))
    target = "left" if kind.name.endswith("classification") else "calls"
    words = {"KIND": kind.name, "EXAMPLE": spec["model"]["name"], "TARGET": target}
    text = path.read_text("utf-8").rstrip()
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def index_page(kinds: list[registry.Kind]) -> str:
    """The list of pages."""
    lines = [
        f"| [`{kind.name}`]({kind.name}.md) | {_summary(kind)} |" for kind in sorted(kinds, key=lambda kind: kind.name)
    ]
    return "\n".join(
        [
            "<!-- made by docs/build.py -->",
            "# Model types",
            "",
            "| Model type | What it is |",
            "|---|---|",
            *lines,
            "",
            "Walks from data to an answer: [rankings of LLMs](../tutorial.md),",
            "[language models](../tutorial_language.md), [texts](../tutorial_texts.md),",
            "[pictures](../tutorial_pictures.md).",
            "",
            "Types that read the prompt also see [features](prompt_features.md) of it.",
            "Sections that several types have are on [a page of their own](sections.md).",
            "",
        ]
    )


def features_page() -> str:
    """The prompt features, set by set: name, group, what each says."""
    from runner.builders.routing._fields.prompt_features import SETS

    parts = [
        "<!-- made by docs/build.py -->",
        "# Prompt features",
        "What a model reads of a prompt beside its embedding: a set of these, or a list of their names, in the field "
        "`prompt_features` (`input_features` of `simple_length_prediction`).",
        "Numbers are standardised with the mean and deviation of the training prompts; of sparse numbers, which are 0 "
        "for most prompts, those are the mean and deviation of the values that are not 0.",
    ]
    for name, features in SETS.items():
        kinds = [("sparse number" if one.sparse else "number") if one.numeric else "yes or no" for one in features]
        lines = [
            f"| `{one.name}` | {one.group} | {kind} | {one.description} |"
            for one, kind in zip(features, kinds, strict=True)
        ]
        heading = "| Feature | Group | Value | What it says of a prompt |\n|---|---|---|---|"
        parts += [f"## `{name}`", "\n".join([heading, *lines])]
    return "\n\n".join(parts) + "\n"


def sections_page(kinds: list[registry.Kind]) -> str:
    """What the sections mean that several types share, their fields, and who has them."""
    schema = Shared.model_json_schema()
    parts = [
        "<!-- made by docs/build.py -->",
        "# Sections that types share",
        (GUIDES / "sections.md").read_text("utf-8").rstrip(),
        "## Fields",
        *_tables(schema, schema),
        "## Who has them",
        "\n".join(["| Section | Types |", "|---|---|", *(f"| `{name}` | {_having(name, kinds)} |" for name in SHARED)]),
    ]
    return "\n\n".join(parts) + "\n"


def importing_page() -> str:
    """What becomes of every setting of each format: one table a format, settings with one fate in one row."""
    parts = [
        "<!-- made by docs/build.py from runner/interchange -->",
        "# Settings of other programs",
        "What [`runner spec import`](importing.md) does with each setting. A setting that several kinds have has the"
        " field of the first of them here; `[*]` is any item of a list, `**` whatever stands below. Whatever is in"
        " none of these rows is reported as not known. Of a setting that stands in a section of the file (`params.lr`)"
        " the last name is told.",
    ]
    for one in detection.FORMATS.values():
        rows: dict[tuple[str, str], list[str]] = {}
        seen: set[str] = set()
        for kind in one.kinds:
            table = one.table(kind)
            for name, rule in table.items():
                # The same setting within a section of the file (`params.lr`) is told of once, by its own name.
                below = [name[at + 1 :] for at, sign in enumerate(name) if sign == "."]
                if name in seen or any(table.get(short) is rule for short in below):
                    continue
                fate, what = _fate(rule)
                if kind != one.kinds[-1] and fate == "no effect" and not isinstance(rule, rules.Dead):
                    continue
                seen.add(name)
                rows.setdefault((fate, what), []).append(f"`{name}`")
        lines = [f"| {', '.join(names)} | {fate} | {_cell(what)} |" for (fate, what), names in sorted(rows.items())]
        parts += [
            f"## {one.title}: `--from {one.name}`",
            one.about,
            "\n".join(["| Setting | What becomes of it | Where, or why |", "|---|---|---|", *lines]),
        ]
    return "\n\n".join(parts) + "\n"


def _fate(rule: rules.Rule) -> tuple[str, str]:
    """A rule in two cells: the outcome, and where it goes or why it does not."""
    match rule:
        case rules.To(setting, _, said):
            setting = setting.lstrip("=")
            where = setting if setting.startswith("/") else spec_fields.FIELDS.get(setting, "")
            return ("changed" if said else "carried over"), " ".join(
                part for part in (f"`{where}`" if where else "", said) if part
            )
        case rules.Decides(why):
            return "carried over", f"`/model/spec/model_type`: {why}"
        case rules.Lost(why, do, effect):
            return ("no equivalent" if effect else "no equivalent, and no effect on the result"), "; ".join(
                part for part in (why, do) if part
            )
        case rules.Refused(why, do):
            return "refused", "; ".join(part for part in (why, do) if part)
        case rules.Secret(variable):
            return "kept out", f"a secret: `{variable}` serves"
        case rules.Dead(why):
            return "no effect", why


def _having(section: str, kinds: list[registry.Kind]) -> str:
    """Links to the types that have a section of that name, in their fields or in those of a learner."""
    found = []
    for kind in sorted(kinds, key=lambda kind: kind.name):
        spec = schema_for(kind.name)
        learners = spec["$defs"]["Spec"]["properties"].get("learner", {}).get("oneOf", [])
        parts = [spec["$defs"]["Spec"], *(_resolve(learner, spec) for learner in learners)]
        if any(section in part["properties"] for part in parts):
            found.append(f"[`{kind.name}`]({kind.name}.md)")
    return ", ".join(found)


def _summary(kind: registry.Kind) -> str:
    return (inspect.getdoc(import_module(kind.module)) or "").partition("\n")[0]


def _resolve(schema: Schema, root: Schema) -> Schema:
    """A schema with its reference followed; of `null` and one other, the other."""
    if "$ref" in schema:
        return _resolve(root["$defs"][schema["$ref"].rpartition("/")[2]], root) | {
            key: value for key, value in schema.items() if key != "$ref"
        }
    others = [part for part in schema.get("anyOf", []) if part.get("type") != "null"]
    if len(others) == 1 and any(word in others[0] for word in ("$ref", "properties", "oneOf")):
        return _resolve(others[0], root)
    return schema


def _tables(section: Schema, root: Schema) -> Iterator[str]:
    """The table of a section's fields, and below it those of the sections in it."""
    rows, inner = ["| Field | Type | Default | What it is |", "|---|---|---|---|"], []
    required = set(section.get("required", []))
    older: dict[str, list[str]] = {}
    for name, field in section["properties"].items():
        if present := field.get("x-spelling-of"):
            older.setdefault(present, []).append(name)
    for name, field in section["properties"].items():
        if field.get("x-spelling-of"):
            continue
        whole = _resolve(field, root)
        # Of an object whose names are a user's own, what its values are.
        members = next(iter(whole.get("patternProperties", {}).values()), whole)
        variants = [_resolve(part, root) for part in members.get("oneOf", []) if "$ref" in part]
        nested = [part for part in variants or [whole] if "properties" in part]
        inner += [(name, part) for part in nested]
        default = "required" if name in required else _default(field, root, nested)
        text = field.get("description") or whole.get("description", "")
        if name in older:
            text += f" (Older spelling: {', '.join(f'`{other}`' for other in older[name])}.)"
        if words := _older_words(field):
            text += f" (Older words: {', '.join(f'`{was}` for `{now}`' for was, now in words.items())}.)"
        rows.append(f"| `{name}` | {_type(whole, root, nested)} | {default} | {_cell(text)} |")
    yield "\n".join(rows)
    for name, part in inner:
        tag = next((f": `{f['const']}`" for f in part["properties"].values() if "const" in f), "")
        yield f"### `{name}`{tag}"
        if part.get("description"):
            yield textwrap.dedent(part["description"]).replace("``", "`")
        yield from (table.replace("### `", f"### `{name}.") for table in _tables(part, root))


def _type(schema: Schema, root: Schema, nested: list[Schema]) -> str:
    if nested:
        return "object"
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        words = [f"`{json.dumps(value)}`" for value in present_words(schema)]
        # Nobody reads on past so many in a table's cell.
        return ", ".join(words) if len(words) <= 20 else f"one of {len(words)} words"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(_resolve(part, root), root, []) for part in schema["anyOf"]))
    kind = str(schema.get("type", "any"))
    if kind == "array":
        items = schema.get("items")
        of = _type(_resolve(items, root), root, []) if isinstance(items, dict) else ""
        return f"list of {of}" if of else "list"
    bounds = [
        f"{sign} {schema[key]:g}"
        for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if key in schema
    ]
    return " ".join([kind, ", ".join(bounds)]).strip()


def _older_words(schema: Any) -> dict[str, str]:
    """The older words that a field takes, and what they stand for; of a long list of words, none."""
    if isinstance(schema, list):
        return {was: now for part in schema for was, now in _older_words(part).items()}
    if not isinstance(schema, dict):
        return {}
    own = schema.get("x-older-words", {}) if len(schema.get("enum", ())) <= 20 else {}
    return own | _older_words(list(schema.values()))


def _default(field: Schema, root: Schema, nested: list[Schema]) -> str:
    if "default" not in field:
        return ""
    value = field["default"]
    if nested and isinstance(value, dict):
        tags = [v for key, v in value.items() if key.endswith(("_type", "method"))]
        return f"`{tags[0]}`" if tags else "its own defaults"
    return f"`{json.dumps(value)}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> int:
    made = pages()
    if "--check" in sys.argv[1:]:
        present = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.md")}
        wrong = sorted(name for name in made.keys() | present.keys() if made.get(name) != present.get(name))
        if not TABLES.exists() or TABLES.read_text("utf-8") != importing_page():
            wrong.append(TABLES.name)
        print(f"not what the code says: {', '.join(wrong)}: run docs/build.py" if wrong else "the pages are the code's")
        return 1 if wrong else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.glob("*.md"):
        if path.name not in made:
            path.unlink()
    TABLES.write_text(importing_page(), "utf-8")
    for name, text in made.items():
        (FOLDER / name).write_text(text, "utf-8")
    print(f"{len(made) + 1} pages")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
