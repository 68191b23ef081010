# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Splits a serialised checkpoint into the bytes of its channels. The values of channels are not decoded, so no object is created."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ansible_collections.stateops.langgraph.plugins.module_utils._import.serializers import ormsgpack

if TYPE_CHECKING:
    from collections.abc import Mapping

VALUES = "channel_values"
KEY = b"\xaechannel_values"
SENDS = "pending_sends"
BLANK = re.compile(r"[ \t\n\r]*")
DECODER = json.JSONDecoder(strict=False)
FLOAT32, FLOAT64 = 0xCA, 0xCB
# Objects with a length in bytes: {first byte: (bytes of the length, bytes between the length and the payload)}
SIZED = {0xC4: (1, 0), 0xC5: (2, 0), 0xC6: (4, 0), 0xC7: (1, 1), 0xC8: (2, 1), 0xC9: (4, 1), 0xD9: (1, 0), 0xDA: (2, 0), 0xDB: (4, 0)}
# The first byte of a map, by its number of pairs.
HEADERS = tuple(bytes([0x80 | pairs]) for pairs in range(16))
# Arrays and maps: {first byte: (bytes of the number of entries, objects per entry)}
COUNTED = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}


class Unreadable(Exception):
    """The reason why a row cannot be imported."""


class ParsedCheckpoint:
    """A checkpoint without channel_values, decoded, and the bytes of each channel.

    fields: all fields except channel_values. values: {channel: bytes}. sends: whether pending_sends was removed, since it contains objects.
    floats: whether fields may contain floats. hint: (number of pairs before channel_values, position of channel_values).
    """

    __slots__ = ("fields", "values", "sends", "floats", "hint")

    def __init__(self, fields: dict[str, Any], values: dict[str, bytes], sends: bool = False, floats: bool = True, hint: tuple[int, int] = (0, 0)) -> None:
        self.fields, self.values, self.sends, self.floats, self.hint = fields, values, sends, floats, hint


def _tables() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """For each first byte in MessagePack: how many bytes to advance (0: the size follows), and how many objects follow, minus one."""
    steps, more = [1] * 256, [-1] * 256
    for byte in range(0x80, 0x90):
        more[byte] += 2 * (byte & 15)
    for byte in range(0x90, 0xA0):
        more[byte] += byte & 15
    for byte in range(0xA0, 0xC0):
        steps[byte] = 1 + (byte & 31)
    for byte in (0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF, 0xC1):
        steps[byte] = 0
    for byte, size in ((0xCA, 5), (0xCB, 9), (0xCC, 2), (0xCD, 3), (0xCE, 5), (0xCF, 9), (0xD0, 2), (0xD1, 3), (0xD2, 5), (0xD3, 9)):
        steps[byte] = size
    for power in range(5):
        steps[0xD4 + power] = 2 + (1 << power)
    return tuple(steps), tuple(more)


STEPS, MORE = _tables()


def skip(raw: bytes, place: int) -> int:
    """The end of the MessagePack object at a position. Raises Unreadable, or IndexError beyond the end of raw."""
    left, steps, more = 1, STEPS, MORE
    while left:
        byte = raw[place]
        step = steps[byte]
        if step:
            place += step
            left += more[byte]
        elif byte in SIZED:
            wide, gap = SIZED[byte]
            place += 1 + wide + gap + int.from_bytes(raw[place + 1 : place + 1 + wide], "big")
            left -= 1
        elif byte in COUNTED:
            wide, times = COUNTED[byte]
            left += times * int.from_bytes(raw[place + 1 : place + 1 + wide], "big") - 1
            place += 1 + wide
        else:
            raise Unreadable("byte 0x%02x at %d does not begin a MessagePack object" % (byte, place))
    if place > len(raw):
        raise IndexError(place)
    return place


def _entries(raw: bytes, place: int) -> tuple[int, int]:
    """(number of pairs, position of the first one) of the map at a position."""
    byte = raw[place]
    if 0x80 <= byte < 0x90:
        return byte & 15, place + 1
    if byte in (0xDE, 0xDF):
        wide = COUNTED[byte][0]
        return int.from_bytes(raw[place + 1 : place + 1 + wide], "big"), place + 1 + wide
    raise Unreadable("byte 0x%02x at %d does not begin a map" % (byte, place))


def _name(raw: bytes, place: int) -> tuple[str, int]:
    """(the key of a map at a position, the position of its value)."""
    byte = raw[place]
    if 0xA0 <= byte < 0xC0:
        end = place + byte - 0x9F
        try:
            return raw[place + 1 : end].decode("utf-8"), end
        except UnicodeDecodeError:
            raise Unreadable("a key at %d is not UTF-8" % place) from None
    end = skip(raw, place)
    if not 0xD9 <= byte <= 0xDB:
        raise Unreadable("a key at %d is not text" % place)
    try:
        return ormsgpack.unpackb(raw[place:end]), end
    except ValueError:
        raise Unreadable("a key at %d is not UTF-8" % place) from None


def _no_extension(code: int, _data: bytes) -> Any:
    raise ValueError("an object (extension %d)" % code)


def parse_msgpack(raw: bytes, before: Mapping[str, bytes] | None = None, hint: tuple[int, int] = (0, 0)) -> ParsedCheckpoint:
    """The ParsedCheckpoint of a checkpoint of type msgpack. Raises Unreadable.

    before, hint: values and hint of the previous checkpoint. A value that starts with the bytes of the previous value is equal to it, since no
    MessagePack object is a prefix of another one.
    """
    before = before or {}
    parsed = _parse_plain(raw, before, hint)
    if parsed is not None:
        return parsed
    try:
        fields, values, place = _walk(raw, before)
    except IndexError:
        raise Unreadable("the checkpoint is truncated") from None
    if place != len(raw):
        raise Unreadable("%d bytes follow the end of the checkpoint" % (len(raw) - place))
    if values is None:
        raise Unreadable("the checkpoint has no channel_values")
    try:
        floats = any(FLOAT32 in part or FLOAT64 in part for part in fields.values())
        return ParsedCheckpoint(_decode(fields), values, False, floats)
    except ValueError as error:
        if fields.pop(SENDS, None) is None:
            raise Unreadable("outside its channels the checkpoint contains a value that JSON cannot hold: %s" % error) from None
    try:
        return ParsedCheckpoint(dict(_decode(fields), **{SENDS: []}), values, True)
    except ValueError as error:
        raise Unreadable("outside its channels the checkpoint contains a value that JSON cannot hold: %s" % error) from None


def _parse_plain(raw: bytes, before: Mapping[str, bytes], hint: tuple[int, int]) -> ParsedCheckpoint | None:
    """The ParsedCheckpoint if all other fields are plain data, which is the usual case: they are decoded as two maps. Else None."""
    try:
        count, first = _entries(raw, 0)
        pairs, place = hint if raw.startswith(KEY, hint[1]) else _before_values(raw, first)
        if pairs >= count:
            return None
        values, rest = _channels(raw, place + len(KEY), before)
        head = _header(pairs) + raw[first:place]
        tail = _header(count - pairs - 1) + raw[rest:]
        fields, more = ormsgpack.unpackb(head), ormsgpack.unpackb(tail)
        # Packing returns the same bytes only if the maps were read completely and no name occurs twice. This also verifies the hint.
        if ormsgpack.packb(fields) != head or ormsgpack.packb(more) != tail or VALUES in more or VALUES in fields:
            return None
    except (ValueError, TypeError, IndexError, OverflowError, Unreadable):
        return None
    fields.update(more)
    # The library does not write 32-bit floats.
    floats = FLOAT64 in head or FLOAT64 in tail
    return ParsedCheckpoint(fields, values, False, floats, (pairs, place))


def _before_values(raw: bytes, place: int) -> tuple[int, int]:
    """(number of pairs before channel_values, position of channel_values). place: the position of the first pair."""
    pairs = 0
    while not raw.startswith(KEY, place):
        _ignored, value = _name(raw, place)
        pairs, place = pairs + 1, skip(raw, value)
    return pairs, place


def _walk(raw: bytes, before: Mapping[str, bytes]) -> tuple[dict[str, bytes], dict[str, bytes] | None, int]:
    """(the bytes of each field with its name, the bytes of each channel, the end of the checkpoint)."""
    fields: dict[str, bytes] = {}
    values = None
    count, place = _entries(raw, 0)
    for _number in range(count):
        start = place
        name, place = _name(raw, place)
        if name != VALUES:
            place = skip(raw, place)
            fields[name] = raw[start:place]
            continue
        values, place = _channels(raw, place, before)
    return fields, values, place


def _channels(raw: bytes, place: int, before: Mapping[str, bytes]) -> tuple[dict[str, bytes], int]:
    """({channel: its bytes}, the end) of the map at a position."""
    values: dict[str, bytes] = {}
    channels, place = _entries(raw, place)
    for _channel in range(channels):
        channel, place = _name(raw, place)
        known = before.get(channel)
        if known is not None and raw.startswith(known, place):
            values[channel] = known
            place += len(known)
            continue
        byte = raw[place]
        end = place + STEPS[byte] if MORE[byte] == -1 and STEPS[byte] else skip(raw, place)
        values[channel] = raw[place:end]
        place = end
    return values, place


def _decode(fields: Mapping[str, bytes]) -> dict[str, Any]:
    return ormsgpack.unpackb(_header(len(fields)) + b"".join(fields.values()), ext_hook=_no_extension)


def _header(pairs: int) -> bytes:
    return HEADERS[pairs] if pairs < 16 else b"\xdf" + pairs.to_bytes(4, "big")


def parse_json(raw: bytes) -> ParsedCheckpoint:
    """The ParsedCheckpoint of a checkpoint of type json. No hook and no constructor runs. Raises Unreadable."""
    try:
        text = raw.decode("utf-8")
        members, end = _members(text, _blank(text, 0))
        if _blank(text, end) != len(text):
            raise Unreadable("more text follows the end of the checkpoint")
        if VALUES not in members:
            raise Unreadable("the checkpoint has no channel_values")
        start, _end = members.pop(VALUES)
        channels, _end = _members(text, start)
        fields = {name: json.loads(text[slice(*span)]) for name, span in members.items()}
    except (ValueError, IndexError, RecursionError) as error:
        raise Unreadable("the checkpoint is not JSON: %s" % error) from None
    if any('"lc"' in text[slice(*span)] for span in members.values()):
        raise Unreadable("outside its channels the checkpoint contains an object that would have to be constructed")
    return ParsedCheckpoint(fields, {name: text[slice(*span)].encode("utf-8") for name, span in channels.items()})


def _members(text: str, place: int) -> tuple[dict[str, tuple[int, int]], int]:
    """({name: (start, end)}, the end) of the JSON object at a position."""
    if text[place] != "{":
        raise Unreadable("an object was expected at %d" % place)
    members: dict[str, tuple[int, int]] = {}
    place = _blank(text, place + 1)
    if text[place] == "}":
        return members, place + 1
    while True:
        if text[place] != '"':
            raise Unreadable("a name was expected at %d" % place)
        name, place = DECODER.raw_decode(text, place)
        place = _blank(text, place)
        if text[place] != ":":
            raise Unreadable("a colon was expected at %d" % place)
        start = _blank(text, place + 1)
        _value, end = DECODER.raw_decode(text, start)
        members[name] = (start, end)
        place = _blank(text, end)
        if text[place] == "}":
            return members, place + 1
        if text[place] != ",":
            raise Unreadable("a comma was expected at %d" % place)
        place = _blank(text, place + 1)


def _blank(text: str, place: int) -> int:
    """The end of the white space at a position."""
    return BLANK.match(text, place).end()  # type: ignore[union-attr]  # the expression matches everywhere
