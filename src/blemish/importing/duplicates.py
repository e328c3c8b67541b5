"""Exact duplicates among the photographs of a source, joined into one group."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

Identity = tuple[str, str, str]
"""Name, group and content digest of a photograph."""


def join_groups(identities: Iterable[Identity]) -> dict[str, str]:
    """Join groups that share an exact photograph.

    Returns:
        The new group of each group: the first by name of those that are joined.
    """
    parent: dict[str, str] = {}

    def root(group: str) -> str:
        parent.setdefault(group, group)
        while parent[group] != group:
            parent[group] = parent[parent[group]]
            group = parent[group]
        return group

    groups_of: dict[str, str] = {}
    for _, group, digest in identities:
        first, second = sorted((root(group), root(groups_of.setdefault(digest, group))))
        parent[second] = first
    return {group: root(group) for group in parent}


def describe_joined(identities: Sequence[Identity], joined: Mapping[str, str]) -> dict[str, int]:
    """Return how many photographs are exact duplicates of one in another group, as a remark."""
    groups = defaultdict(set)
    for _, group, digest in identities:
        groups[digest].add(group)
    count = sum(len(found) - 1 for found in groups.values())
    if not count:
        return {}
    before, after = len(joined), len(set(joined.values()))
    return {f"exact duplicate in another group; {before} groups are joined into {after}": count}
