# SPDX-License-Identifier: Apache-2.0
"""Applications that go on without a network: an empty frame anyone may fetch, and what a person needs of it as JSON."""
