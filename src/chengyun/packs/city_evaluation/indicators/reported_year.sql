-- SPDX-License-Identifier: Apache-2.0
-- name:      年度自评完成率
-- one row:   一个城市或区县、一年
-- subject:   area
-- period:    year
-- value:     reported_percent
-- unit:      %
-- columns:   government = 政务服务 [%]; traffic = 交通服务 [%]; insurance = 社保服务
--            [%]; health = 医疗服务 [%]; education = 教育服务 [%]; employment =
--            就业服务 [%]; city_services = 城市服务 [%]; assistance = 帮扶服务 [%];
--            commerce = 电商服务 [%]; management = 城市管理 [%]; safety = 公共安全
--            [%]; protection = 智慧环保 [%]; energy = 绿色节能 [%]; broadband =
--            宽带网络设施 [%]; spatial = 时空信息平台 [%]; opening = 开放共享 [%]; use =
--            开发利用 [%]; security_management = 网络安全管理 [%]; data_security =
--            系统与数据安全 [%]; institutions = 体制机制 [%]; survey = 市民体验调查 [%]
-- streams:   report_year
-- apart:     subject, period
-- fresh for: 400 d
-- decimals:  0
-- source:    新型智慧城市评价指标（2016 年）二级指标，由各地自评；未报的项不是零
SELECT u.area_code AS area, CAST(DATE_TRUNC('year', r.year_start AT TIME ZONE $zone) AS DATE) AS year,
       100.0 * (CAST(COUNT(r.government) > 0 AS INTEGER) + CAST(COUNT(r.traffic) > 0 AS INTEGER) + CAST(COUNT(r.insurance) > 0 AS INTEGER)
             + CAST(COUNT(r.health) > 0 AS INTEGER) + CAST(COUNT(r.education) > 0 AS INTEGER) + CAST(COUNT(r.employment) > 0 AS INTEGER)
             + CAST(COUNT(r.city_services) > 0 AS INTEGER) + CAST(COUNT(r.assistance) > 0 AS INTEGER) + CAST(COUNT(r.commerce) > 0 AS INTEGER)
             + CAST(COUNT(r.management) > 0 AS INTEGER) + CAST(COUNT(r.safety) > 0 AS INTEGER) + CAST(COUNT(r.protection) > 0 AS INTEGER)
             + CAST(COUNT(r.energy) > 0 AS INTEGER) + CAST(COUNT(r.broadband) > 0 AS INTEGER) + CAST(COUNT(r.spatial) > 0 AS INTEGER)
             + CAST(COUNT(r.opening) > 0 AS INTEGER) + CAST(COUNT(r.use) > 0 AS INTEGER) + CAST(COUNT(r.security_management) > 0 AS INTEGER)
             + CAST(COUNT(r.data_security) > 0 AS INTEGER) + CAST(COUNT(r.institutions) > 0 AS INTEGER) + CAST(COUNT(r.survey) > 0 AS INTEGER)) / 21 AS reported_percent,
       ARG_MAX(r.government, r.year_start) AS government,
       ARG_MAX(r.traffic, r.year_start) AS traffic,
       ARG_MAX(r.insurance, r.year_start) AS insurance,
       ARG_MAX(r.health, r.year_start) AS health,
       ARG_MAX(r.education, r.year_start) AS education,
       ARG_MAX(r.employment, r.year_start) AS employment,
       ARG_MAX(r.city_services, r.year_start) AS city_services,
       ARG_MAX(r.assistance, r.year_start) AS assistance,
       ARG_MAX(r.commerce, r.year_start) AS commerce,
       ARG_MAX(r.management, r.year_start) AS management,
       ARG_MAX(r.safety, r.year_start) AS safety,
       ARG_MAX(r.protection, r.year_start) AS protection,
       ARG_MAX(r.energy, r.year_start) AS energy,
       ARG_MAX(r.broadband, r.year_start) AS broadband,
       ARG_MAX(r.spatial, r.year_start) AS spatial,
       ARG_MAX(r.opening, r.year_start) AS opening,
       ARG_MAX(r.use, r.year_start) AS use,
       ARG_MAX(r.security_management, r.year_start) AS security_management,
       ARG_MAX(r.data_security, r.year_start) AS data_security,
       ARG_MAX(r.institutions, r.year_start) AS institutions,
       ARG_MAX(r.survey, r.year_start) AS survey,
       reported_percent / 100 AS coverage,
       BOOL_OR((r.quality & 128) <> 0) AS simulated
FROM report_year AS r JOIN unit AS u ON u.key = r.unit
WHERE r.year_start >= $since AND r.year_start < $until
GROUP BY u.area_code, year
ORDER BY year, area
