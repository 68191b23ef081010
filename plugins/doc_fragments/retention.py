# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # The options of every module that has a retention policy.
    DOCUMENTATION = r"""
options:
  older_than:
    description:
      - Selects the threads whose newest checkpoint, in any namespace, is older than this, for example V(30d). The units are V(s), V(m), V(h), V(d) and V(w).
      - The age is the time in the ids of the checkpoints, which are version 6 UUIDs, compared with the clock of the server. A thread with an id of another
        kind is kept and counted in RV(stateops.langgraph.checkpoint_prune#module:kept.age_unknown). A thread with a more recent pending write is kept
        as well.
    type: str
  threads:
    description:
      - Selects threads by their ids, or by shell patterns (V(*), V(?), V([...])). An empty list is rejected.
      - An id that contains one of these characters is a pattern as well, which can match other threads. Write V([*]), V([?]) and V([[]) for the characters.
        M(stateops.langgraph.checkpoint_prune) rejects a pattern that is also the id of a thread.
      - If there is no pattern, only these threads are read.
    type: list
    elements: str
  exclude_threads:
    description:
      - The ids of threads that are kept, or shell patterns as in O(threads), even if other options select them.
    type: list
    elements: str
    default: []
  metadata:
    description:
      - Selects the threads with a checkpoint whose metadata contains this value, for example the id of a user or a tenant. An empty dictionary is rejected,
        and so are empty dictionaries and lists within it, which every dictionary and list contains.
      - A value matches only if it has the same type. LangGraph copies the C(metadata) and the primitive values in C(configurable) of a run's
        configuration to each checkpoint.
      - There is no index on the metadata, so all checkpoints of the threads that the other options select are read.
    type: dict
  keep:
    description:
      - What is kept of a selected thread.
      - V(none) deletes the whole thread. If O(older_than) and O(metadata) are not given, this includes threads that have no checkpoint left.
      - V(latest) keeps the newest checkpoint of each namespace with its pending writes and channel values, which is what an application needs to continue
        the thread. C(PostgresSaver.prune) deletes the older ones. A thread whose graph has a C(DeltaChannel) is kept whole, because the value of
        such a channel is computed from older checkpoints; RV(stateops.langgraph.checkpoint_prune#module:kept.delta_channel) counts these threads.
    type: str
    choices: [ none, latest ]
    default: none
  waiting:
    description:
      - What to do with a selected thread that waits for an answer, with O(keep=none).
      - V(keep) keeps a thread whose newest checkpoint has a pending interrupt (RV(stateops.langgraph.checkpoint_prune#module:kept.waiting)), or has a next
        step and no failed one (RV(stateops.langgraph.checkpoint_prune#module:kept.unfinished)). A breakpoint leaves such a thread
        (C(interrupt_before), C(interrupt_after)), and so does a run whose process was killed.
      - V(delete) treats them like all other threads.
    type: str
    choices: [ keep, delete ]
    default: keep
"""
