# SPDX-License-Identifier: Apache-2.0
"""Pages: board (大屏), map (一张图), desk (工作台), why; shared templates and assets."""
