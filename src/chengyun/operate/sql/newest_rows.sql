-- SPDX-License-Identifier: Apache-2.0
-- The newest observation of every entity that is still in use. Bit 7 of the quality word says simulated.
SELECT register.key, register.name, register.area_code, latest.time, latest.quality & 128 <> 0
FROM {latest} AS latest JOIN {register} AS register ON register.id = latest.entity_id
WHERE register.valid_to IS NULL OR register.valid_to > now()
ORDER BY register.key
