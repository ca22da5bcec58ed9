-- subjects: of each matter and class that is asked about, the matter, and a row for each of its classes: its own, then their counterparts
SELECT asked.number, matter.id AS matter_type_id, matter.kind, matter.edition_key AS matter_edition,
    matter.major_code AS matter_major, matter.major_name_zh AS matter_major_zh,
    matter.code AS matter_code, matter.name_zh AS matter_zh, matter.name_en AS matter_en,
    class.id AS class_id, class.edition_key AS class_edition, class.major_code AS class_major,
    class.major_name_zh AS class_major_zh, class.major_name_en AS class_major_en,
    class.code AS class_code, class.name_zh AS class_zh, class.name_en AS class_en
FROM unnest(CAST(:matter_type_ids AS integer[]), CAST(:class_ids AS integer[]))
    WITH ORDINALITY AS asked (matter_type_id, class_id, number)
LEFT JOIN matter_types AS matter ON matter.id = asked.matter_type_id
LEFT JOIN LATERAL (
    SELECT asked.class_id AS id
    UNION ALL
    SELECT counterpart_id FROM class_counterparts WHERE class_id = asked.class_id
    UNION ALL
    SELECT class_id FROM matter_type_classes
    WHERE matter_type_id = asked.matter_type_id AND asked.class_id IS NULL
) AS candidate ON true
LEFT JOIN component_classes AS class ON class.id = candidate.id
ORDER BY asked.number,
    coalesce(
        class.id = asked.class_id,
        class.edition_key = matter.edition_key AND class.code = matter.code,
        false
    ) DESC,
    class.edition_key,
    class.code;
