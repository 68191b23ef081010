# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A serialised checkpoint cut into the bytes of its channels. Nothing inside a channel's value is decoded, so nothing is revived."""

from __future__ import annotations

import json
import re

from ansible_collections.stateops.langgraph.plugins.module_utils._import.serializers import ormsgpack

VALUES = "channel_values"
KEY = b"\xaechannel_values"
SENDS = "pending_sends"
BLANK = re.compile(r"[ \t\n\r]*")
DECODER = json.JSONDecoder(strict=False)
FLOAT32, FLOAT64 = 0xCA, 0xCB
# {first byte: (bytes of the length, bytes between it and the payload)}
SIZED = {0xC4: (1, 0), 0xC5: (2, 0), 0xC6: (4, 0), 0xC7: (1, 1), 0xC8: (2, 1), 0xC9: (4, 1), 0xD9: (1, 0), 0xDA: (2, 0), 0xDB: (4, 0)}
# How a map of so many pairs begins.
HEADERS = tuple(bytes([0x80 | pairs]) for pairs in range(16))
COUNTED = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}


class Unreadable(Exception):
    """A row that cannot be carried over, and why."""


class ParsedCheckpoint:
    """fields: what stands beside the channels, decoded. values: {channel: bytes}.

    sends: whether pending_sends was left out, being no plain data. floats: whether there may be some in fields. hint: (pairs before the channels, their place).
    """

    __slots__ = ("fields", "values", "sends", "floats", "hint")

    def __init__(self, fields, values, sends=False, floats=True, hint=(0, 0)):
        self.fields, self.values, self.sends, self.floats, self.hint = fields, values, sends, floats, hint


def _tables():
    """For each first byte of MessagePack: the bytes to go on by (0: look closer), and the objects that then are still to come."""
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


def skip(raw, place):
    """Where the MessagePack object that begins at a place ends. Raises Unreadable, or IndexError behind the end."""
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
            raise Unreadable("byte 0x%02x at %d begins no MessagePack object" % (byte, place))
    if place > len(raw):
        raise IndexError(place)
    return place


def _entries(raw, place):
    """(how many pairs, where the first one begins) of the map at a place."""
    byte = raw[place]
    if 0x80 <= byte < 0x90:
        return byte & 15, place + 1
    if byte in (0xDE, 0xDF):
        wide = COUNTED[byte][0]
        return int.from_bytes(raw[place + 1 : place + 1 + wide], "big"), place + 1 + wide
    raise Unreadable("byte 0x%02x at %d begins no map" % (byte, place))


def _name(raw, place):
    """(a map's key, where its value begins)."""
    byte = raw[place]
    if 0xA0 <= byte < 0xC0:
        end = place + byte - 0x9F
        try:
            return raw[place + 1 : end].decode("utf-8"), end
        except UnicodeDecodeError:
            raise Unreadable("a key at %d is no UTF-8" % place) from None
    end = skip(raw, place)
    if not 0xD9 <= byte <= 0xDB:
        raise Unreadable("a key at %d is no text" % place)
    try:
        return ormsgpack.unpackb(raw[place:end]), end
    except ValueError:
        raise Unreadable("a key at %d is no UTF-8" % place) from None


def _no_extension(code, _data):
    raise ValueError("an object (extension %d)" % code)


def cut_msgpack(raw, before=None, hint=(0, 0)):
    """The Cut of a checkpoint.

    before: the values of an earlier one; one that begins alike is the same, since no object is the beginning of another. hint: its ParsedCheckpoint's.
    """
    before = before or {}
    cut = _cut_plain(raw, before, hint)
    if cut is not None:
        return cut
    try:
        fields, values, place = _walk(raw, before)
    except IndexError:
        raise Unreadable("the checkpoint ends too early") from None
    if place != len(raw):
        raise Unreadable("%d bytes follow the end of the checkpoint" % (len(raw) - place))
    if values is None:
        raise Unreadable("the checkpoint has no channel_values")
    try:
        floats = any(FLOAT32 in part or FLOAT64 in part for part in fields.values())
        return ParsedCheckpoint(_decode(fields), values, False, floats)
    except ValueError as error:
        if fields.pop(SENDS, None) is None:
            raise Unreadable("beside its channels the checkpoint holds what JSON cannot: %s" % error) from None
    try:
        return ParsedCheckpoint(dict(_decode(fields), **{SENDS: []}), values, True)
    except ValueError as error:
        raise Unreadable("beside its channels the checkpoint holds what JSON cannot: %s" % error) from None


def _cut_plain(raw, before, hint):
    """The ParsedCheckpoint where all beside the channels is plain data, as nearly always: decoded as two maps, not stepped through. None: look closer."""
    try:
        count, first = _entries(raw, 0)
        pairs, place = hint if raw.startswith(KEY, hint[1]) else _before_values(raw, first)
        if pairs >= count:
            return None
        values, rest = _channels(raw, place + len(KEY), before)
        head = _header(pairs) + raw[first:place]
        tail = _header(count - pairs - 1) + raw[rest:]
        fields, more = ormsgpack.unpackb(head), ormsgpack.unpackb(tail)
        # What is packed to the same bytes was read to its end, with nothing behind it and no name twice: this proves the hint as well.
        if ormsgpack.packb(fields) != head or ormsgpack.packb(more) != tail or VALUES in more or VALUES in fields:
            return None
    except (ValueError, TypeError, IndexError, OverflowError, Unreadable):
        return None
    fields.update(more)
    # The library packs no others.
    floats = FLOAT64 in head or FLOAT64 in tail
    return ParsedCheckpoint(fields, values, False, floats, (pairs, place))


def _before_values(raw, place):
    """(how many pairs stand before the channels, where their name begins); place: where the first pair begins."""
    pairs = 0
    while not raw.startswith(KEY, place):
        _ignored, value = _name(raw, place)
        pairs, place = pairs + 1, skip(raw, value)
    return pairs, place


def _walk(raw, before):
    fields, values = {}, None
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


def _channels(raw, place, before):
    """({channel: its bytes}, where they end) of the map at a place."""
    values = {}
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


def _decode(fields):
    return ormsgpack.unpackb(_header(len(fields)) + b"".join(fields.values()), ext_hook=_no_extension)


def _header(pairs):
    return HEADERS[pairs] if pairs < 16 else b"\xdf" + pairs.to_bytes(4, "big")


def cut_json(raw):
    """The Cut of a checkpoint of type json, each value its text. No hook runs, so no constructor does."""
    try:
        text = raw.decode("utf-8")
        members, end = _members(text, _blank(text, 0))
        if _blank(text, end) != len(text):
            raise Unreadable("something follows the end of the checkpoint")
        if VALUES not in members:
            raise Unreadable("the checkpoint has no channel_values")
        start, _end = members.pop(VALUES)
        channels, _end = _members(text, start)
        fields = {name: json.loads(text[slice(*span)]) for name, span in members.items()}
    except (ValueError, IndexError, RecursionError) as error:
        raise Unreadable("the checkpoint is no JSON: %s" % error) from None
    if any('"lc"' in text[slice(*span)] for span in members.values()):
        raise Unreadable("beside its channels the checkpoint holds an object to be constructed")
    return ParsedCheckpoint(fields, {name: text[slice(*span)].encode("utf-8") for name, span in channels.items()})


def _members(text, place):
    """({name: (start, end)}, where it ends) of the JSON object at a place."""
    if text[place] != "{":
        raise Unreadable("an object was expected at %d" % place)
    members, place = {}, _blank(text, place + 1)
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


def _blank(text, place):
    return BLANK.match(text, place).end()
