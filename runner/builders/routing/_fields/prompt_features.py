"""The field by which a spec chooses the prompt features that a model reads. Light: checking a spec loads it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from runner.builders.routing._fields.feature_list import DENSITIES, DOMAINS, FEATURES
from runner.contract import option

#: What a spec that says nothing gets, and what stored models have that say nothing.
DEFAULT = "flags_45"
SETS = {DEFAULT: FEATURES, "densities_44": DENSITIES}
BY_NAME = {feature.name: feature for features in SETS.values() for feature in features}
#: Names that specs have for a domain's score beside its own: all with "domain", or all without.
OLDER_NAMES = {
    name.replace(" domain ", " ") if " domain " in name else name.replace(" score", " domain score"): name
    for name in DOMAINS
}


def _once_each(names: str | list[str]) -> str | list[str]:
    twice = next((name for name in names if names.count(name) > 1), None) if isinstance(names, list) else None
    if twice is not None:
        raise PydanticCustomError("feature_twice", "has {name} twice", {"name": repr(twice)})
    return names


def _known(name: str) -> str:
    if name not in BY_NAME:
        raise PydanticCustomError("unknown_feature", "is no prompt feature")
    return name


FeatureName = Annotated[str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": list(BY_NAME)})]
Set = Literal["flags_45", "densities_44"]
# The check is behind the union: within it, a list would be told that it is no set's name either.
FeatureChoice = Annotated[
    Set | Annotated[list[FeatureName], Field(min_length=1, max_length=len(BY_NAME))], AfterValidator(_once_each)
]
#: The same where no feature at all is a choice too.
AnyFeatures = Annotated[Set | Annotated[list[FeatureName], Field(max_length=len(BY_NAME))], AfterValidator(_once_each)]
_CHOICE = "flags_45, densities_44, or a list of names of either; docs/kinds/prompt_features.md has them all."


def feature_option(description: str, default: str = DEFAULT) -> Any:
    """A field whose value is a :data:`FeatureChoice`."""
    return option(default, older_words=OLDER_NAMES, description=f"{description}: {_CHOICE}")


def chosen(choice: str | list[str]) -> tuple[str, ...]:
    """The names of the features that a spec's field chooses, in order."""
    return tuple(feature.name for feature in SETS[choice]) if isinstance(choice, str) else tuple(choice)
