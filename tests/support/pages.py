# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A browser for the HTML reports, and the functions with which tests measure them."""

from __future__ import annotations

import shutil

import pytest

CONTRAST = """() => {
  const channel = value => { value /= 255; return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4; };
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  // The browser itself computes the color of one layer over another.
  const over = colours => {
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = colour => 0.2126 * channel(colour[0]) + 0.7152 * channel(colour[1]) + 0.0722 * channel(colour[2]);
  const worst = {ratio: 99};
  for (const node of document.querySelectorAll('body *')) {
    if (![...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim())) continue;
    const behind = [];
    for (let each = node; each; each = each.parentElement) behind.unshift(getComputedStyle(each).backgroundColor);
    const [a, b] = [light(over([...behind, getComputedStyle(node).color])), light(over(behind))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst.ratio) Object.assign(worst, {ratio, text: node.textContent.trim().slice(0, 40)});
  }
  return worst;
}"""
# The number of nodes whose text is cut off at the edge.
BEYOND = "nodes => nodes.filter(node => !node.closest('.unseen, thead') && node.getBoundingClientRect().right > innerWidth + 1).length"


def browsers():
    """Yields Chromium, for a fixture. The test is skipped without it."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: it is in requirements/pytest.txt")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium was found: apt-get install chromium")
    # As root, Chromium cannot use its sandbox. The other flags stop the browser's own requests.
    flags = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=program, args=flags)
        yield launched
        launched.close()
