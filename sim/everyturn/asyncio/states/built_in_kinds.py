"""What Python itself makes, as parts of a state: sequences, mappings, sets, exceptions, modules, and functions in C."""

from __future__ import annotations

import datetime
import functools
import re
import sys
import types
from typing import Any

from everyturn.asyncio.order.sets import CHOSEN, WorldSet, is_chosen
from everyturn.asyncio.states import hashes
from everyturn.asyncio.states.classes import is_programs
from everyturn.asyncio.states.encoding import ATOMS, StateEncoder, encodes
from everyturn.asyncio.states.unknown import UnknownValue


@encodes(tuple, list)
def _sequence(encoder: StateEncoder, value: Any) -> None:
    encoder.out.append((type(value).__name__, len(value)))
    place = 0
    try:
        for place, each in enumerate(value):  # noqa: B007 # where it was, if one is not known
            encoder.value(each)
    except UnknownValue as unknown:
        unknown.within(f"[{place}]")
        raise


@encodes(dict)
def _mapping(encoder: StateEncoder, value: Any) -> None:
    encoder.out.append((type(value).__name__, len(value)))
    if not ATOMS.issuperset(map(type, value)):
        hashes.check(encoder, value, value)
    for key, each in value.items():
        encoder.value(key)
        try:
            encoder.value(each)
        except UnknownValue as unknown:
            unknown.within(f"[{key!r:.20}]" if type(key) in ATOMS else "[…]")
            raise


@encodes(set, frozenset, *CHOSEN)
def _set(encoder: StateEncoder, value: Any) -> None:
    """A set in its order of iteration."""
    encoder.out.append((type(value).__name__, len(value)))
    encoder._ordered(value)
    if type(value) is WorldSet:
        encoder.out.append((value.popped, value.mixed))
    for each in value.in_order() if is_chosen(value) else value:
        encoder.value(each)


@encodes(types.ModuleType)
def _module(encoder: StateEncoder, value: Any) -> None:
    encoder.out.append(("module", value.__name__))
    if type(value) is not types.ModuleType:
        encoder.value(type(value))
    encoder.namespace(vars(value))
    if is_programs(value) and value is not sys:
        encoder.meets(value)


@encodes(object)
def _nothing_but_itself(encoder: StateEncoder, value: Any) -> None:
    encoder.out.append("object()")


@encodes(types.MethodDescriptorType, types.WrapperDescriptorType, types.ClassMethodDescriptorType)
@encodes(types.GetSetDescriptorType, types.MemberDescriptorType)
def _descriptor(encoder: StateEncoder, value: Any) -> None:
    encoder.out.append(("descriptor", value.__name__))
    encoder.value(value.__objclass__)


@encodes(types.BuiltinFunctionType, types.MethodWrapperType, type(re.compile("").sub))
def _builtin(encoder: StateEncoder, value: Any) -> None:
    owner = getattr(value, "__self__", None)
    encoder.out.append((type(value).__name__, value.__qualname__))
    encoder.value(owner)


@encodes(type(datetime.datetime_CAPI))
def _capsule(encoder: StateEncoder, value: Any) -> None:
    """What modules in C offer to others, under the name by which it is imported; other capsules may hold anything."""
    module, _, name = repr(value).partition('"')[2].partition('"')[0].rpartition(".")
    if getattr(sys.modules.get(module), name, None) is not value:
        raise encoder.opaque(value)
    encoder.out.append(("capsule", module, name))


@encodes(functools.partial)
def _partial(encoder: StateEncoder, value: Any) -> None:
    encoder.anatomy(value)
    encoder.namespace(value.keywords)


@encodes(BaseException)
def _exception(encoder: StateEncoder, value: BaseException) -> None:
    """By its anatomy, for which the lists of its notes and of a group's members are no objects; somebody may hold
    them."""
    encoder.anatomy(value)
    notes = vars(value).get("__notes__")
    if notes is not None:
        encoder.value(notes)
    if isinstance(value, BaseExceptionGroup):
        encoder.value(value.args)
