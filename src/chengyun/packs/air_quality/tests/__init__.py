# SPDX-License-Identifier: Apache-2.0
"""The pack's test data: worked examples, payloads as received, and the comparison with published figures."""
