COPY operate_figure (indicator, subject, area_code, period_start, value, detail, coverage, quality, simulated, as_of, version,
    computed_at) FROM STDIN
