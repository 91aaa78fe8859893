"""Profiles as documents, and profiles of several runs added up: both by the types of their fields.

A new field of `judge.revision_data.Profile` needs nothing here, unless its type is a new one.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from pipeline.judge.revision_data import Profile, Times
from pipeline.judge.stats import INDEPENDENT, DesignEffect


def dump(profile: Profile) -> str:
    """Return a profile as JSON; of a revision's data only what is its profile."""
    return json.dumps({field.name: _plain(getattr(profile, field.name)) for field in fields(Profile)})


def load(text: str) -> Profile:
    """Return the profile of a document; a field that it lacks has its default, one that is not known is left out."""
    profile: Profile = _typed(json.loads(text), Profile)
    return profile


def merged(profiles: Sequence[Profile]) -> Profile:
    """Return profiles added up, in order of time.

    Counts are sums, mappings are added by their keys, texts are those of the last. Design effects are averages by the
    entries that they stand for, with the degrees of freedom of all.
    """
    weights = [max(profile.entries, 1) for profile in profiles]
    values = {
        field.name: _merged([getattr(profile, field.name) for profile in profiles], weights, field.metadata)
        for field in fields(Profile)
    }
    return Profile(**values)


def _plain(value: Any) -> Any:
    """A value as JSON has it; a mapping whose keys are no texts becomes a list of pairs."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        if all(isinstance(key, str) for key in value):
            return {key: _plain(item) for key, item in value.items()}
        return [[_plain(key), _plain(item)] for key, item in value.items()]
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, frozenset):
        return sorted(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _typed(value: Any, kind: Any) -> Any:
    """A value of JSON as the type that it had."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        assert isinstance(kind, type)
        hints = _hints(kind)
        names = [field.name for field in fields(kind) if field.name in value]
        return kind(**{name: _typed(value[name], hints[name]) for name in names})
    if origin in (Union, UnionType):
        return None if value is None else _typed(value, next(part for part in arguments if part is not type(None)))
    if origin is np.ndarray:
        return np.array(value, dtype=get_args(arguments[1])[0])
    if origin is tuple:
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        return tuple(_typed(item, part) for item, part in zip(value, kinds, strict=True))
    if origin is frozenset:
        return frozenset(value)
    if origin is Literal:
        return value
    if isinstance(origin, type) and issubclass(origin, Mapping):
        pairs = value.items() if isinstance(value, dict) else value
        return {_typed(key, arguments[0]): _typed(item, arguments[1]) for key, item in pairs}
    return kind(*value) if issubclass(kind, tuple) else kind(value)


def _merged(values: Sequence[Any], weights: Sequence[int], metadata: Mapping[str, Any]) -> Any:
    """Values of one field, of the runs that have it, as one."""
    present = [value for value in values if value is not None]
    last = present[-1] if present else None
    how = metadata.get("merge")
    if how == "last" or last is None:
        return last
    if how == "none" and len(present) > 1:
        return type(last)()
    if how in ("min", "max"):
        return min(present) if how == "min" else max(present)
    if isinstance(last, DesignEffect):
        return _averaged(values, weights)
    if isinstance(last, Times):
        return _added(present)
    if is_dataclass(last) and not isinstance(last, type):
        parts = {
            field.name: _merged([getattr(value, field.name) for value in present], weights, field.metadata)
            for field in fields(last)
        }
        return type(last)(**parts)
    if isinstance(last, Mapping):
        return {key: _merged([value.get(key) for value in present], weights, {}) for key in _keys(present)}
    if isinstance(last, frozenset):
        return frozenset().union(*present)
    if isinstance(last, tuple):
        return tuple(item for value in present for item in value)
    return sum(present)


def _keys(mappings: Sequence[Mapping[Any, Any]]) -> list[Any]:
    return list(dict.fromkeys(key for mapping in mappings for key in mapping))


def _added(histograms: Sequence[Times]) -> Times:
    buckets = np.concatenate([np.stack([times.part, times.bucket]) for times in histograms], axis=1)
    (part, bucket), where = np.unique(buckets, axis=1, return_inverse=True)
    n = np.bincount(where.ravel(), weights=np.concatenate([times.n for times in histograms])).astype(np.int64)
    effect = _averaged([times.design for times in histograms], [times.total for times in histograms])
    return Times(bucket, part, n, effect)


def _averaged(effects: Sequence[DesignEffect | None], weights: Sequence[int]) -> DesignEffect:
    """One design effect for several runs; a run without one has independent entries."""
    known = [effect or INDEPENDENT for effect in effects]
    value = float(np.average([effect.value for effect in known], weights=weights))
    return DesignEffect(value, sum(effect.df for effect in known))
