"""What ``runner data check --help --kind KIND`` adds: the keys of ``--columns``, and what each of them means."""

from __future__ import annotations

from collections.abc import Sequence

from runner.cli.infer_flags import value_of


def roles_of_kind(words: Sequence[str]) -> str:
    """The text, without a ``--kind`` among the words how to get it. Raises :class:`NotFoundError` for no kind."""
    kind = value_of("--kind", words)
    if kind is None:
        return "The keys of --columns hang on the kind: with --kind KIND, --help lists them."
    from runner.spec.kinds import spec_class

    roles = spec_class(kind).data.roles()
    lines = [f"The keys of --columns for {kind}:", *(f"  {role}: {meaning}" for role, meaning in roles.items())]
    return "\n".join(lines if roles else [f"{kind} takes no --columns."])
