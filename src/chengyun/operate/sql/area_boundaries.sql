-- SPDX-License-Identifier: Apache-2.0
-- The boundaries of areas as they are now.
SELECT DISTINCT ON (code) code, boundary FROM areas_area WHERE code = ANY(%s) AND boundary IS NOT NULL AND valid_to IS NULL
ORDER BY code, valid_from DESC
