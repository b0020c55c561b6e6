-- SPDX-License-Identifier: Apache-2.0
-- The newest observation of every entity that is still in use, and for one that lies back when it was received. Bit 7 of the
-- quality word says simulated.
SELECT register.key, register.name, register.area_code, latest.time, latest.quality & 128 <> 0, CASE WHEN latest.time < %(before)s THEN (
    SELECT received_at FROM lake_receipt AS receipt WHERE receipt.stream = %(stream)s AND receipt.seq_to >= latest.seq
    ORDER BY receipt.seq_to LIMIT 1) END
FROM {latest} AS latest JOIN {register} AS register ON register.id = latest.entity_id
WHERE register.valid_to IS NULL OR register.valid_to > now()
ORDER BY register.key
